"""Some 50 named interests of grocery shoppers, each a group of categories of the sample data.

Part of the programmatic teacher: written by hand, with the readable category names of `recommend.sample_names`. Daily
needs (toilet paper, detergents, milk, eggs) belong to no interest; they are in NEEDS, which only the judge's planted
defects use. Tobacco and medicine are left out on purpose: nobody should be told that a shop infers them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """One named interest.

    categories  short texts of the items that speak for it
    occasions   what an explanation may tie an item to; each reads after "for"
    seasonal    months (1-12) in which it counts as seasonal; empty for the others
    """

    name: str
    categories: tuple[str, ...]
    occasions: tuple[str, ...]
    seasonal: tuple[int, ...] = ()


_YEAR = tuple(range(1, 13))
_SUMMER = (5, 6, 7, 8)


def _group(name: str, categories: str, occasions: str, seasonal: tuple[int, ...] = ()) -> Group:
    return Group(name, tuple(categories.split(", ")), tuple(occasions.split(", ")), seasonal)


GROUPS: tuple[Group, ...] = (
    _group("baby care", "baby foods, diapers, infant formula, infant care, baby wipes and lotion, organic baby food",
           "happy little eaters, a calm bedtime, busy days with a baby"),
    _group("cat ownership", "cat food, cat litter", "a purring evening, a happy cat, your four-legged boss"),
    _group("dog ownership", "dog food, pet supplies", "a wagging tail, your walking buddy, a good dog's day"),
    _group("bird feeding", "bird seed", "morning visitors at the window, your garden birds"),
    _group("home baking", "baking mixes, baking ingredients, flour, chilled dough, canned milk, foil pans",
           "a weekend bake, your next cake, warm cookies from the oven"),
    _group("wine evenings", "domestic wine, imported wine, other wine",
           "a slow evening glass, dinner with friends, a toast at the table"),
    _group("beer with friends", "beer and ale", "game night, a cold one after work, friends on the porch"),
    _group("cocktails at home", "spirits", "your home bar, a Friday cocktail"),
    _group("coffee brewing", "coffee, coffee filters, coffee shop drinks",
           "the first cup of the day, a slow coffee break, your morning ritual"),
    _group("tea and hot drinks", "tea, cocoa mixes, organic tea and coffee",
           "a quiet cup at four, cosy evenings, a warm mug"),
    _group("organic eating", "organic produce, organic chilled foods, organic cereal, organic frozen foods, "
           "organic cookies and crackers, organic packaged foods, natural snacks, organic juice, rice cakes, "
           "soy and plant milk, organic soup, natural mineral water",
           "your natural pantry, a wholesome plate, everyday organic eating"),
    _group("fitness nutrition", "fitness bars and shakes, sports drinks, diet aids, vitamins",
           "your next workout, training days, the walk back from the gym"),
    _group("fresh salads", "salad mix, lettuce and salad greens, tomatoes, salad toppings and dips, salad bar",
           "a crisp lunch bowl, your salad plate, a fresh start to dinner"),
    _group("fresh fruit", "berries, grapes, citrus fruit, melons, peaches and plums, apples, pears, cut fruit",
           "the fruit bowl, a fresh snack, breakfast with fruit"),
    _group("cooking from scratch", "fresh vegetables, onions, peppers, mushrooms, squash, fresh herbs and garlic, "
           "broccoli and cauliflower, carrots, spices, cut vegetables",
           "the soup pot, a pan of fresh greens, tonight's stove"),
    _group("Italian cooking", "dry pasta, pasta sauce, olives, frozen bread and dough, bakery bread",
           "pasta night, an Italian table, a saucy supper"),
    _group("Mexican cooking", "Mexican foods, canned beans", "taco night, a spicy supper, your burrito bar"),
    _group("sushi and light bites", "sushi, deli sandwiches", "a light lunch, a treat on the go"),
    _group("seafood cooking", "fresh seafood, frozen fish and shrimp, canned tuna, seafood extras, "
           "boxed frozen seafood", "a fish supper, Friday's catch, a taste of the coast"),
    _group("grilling outdoors", "charcoal, hot dogs, dinner sausage, bagged ice, summer items, propane",
           "the grill, a backyard cookout, a summer evening outside", _SUMMER),
    _group("beef and steak dinners", "beef, veal, lamb, game meat", "steak night, a Sunday roast, a hearty plate"),
    _group("pork and ham dinners", "pork, ham and smoked meats, bacon", "a slow roast, Sunday dinner, a smoky plate"),
    _group("chicken dinners", "fresh chicken, frozen chicken and burgers, frozen breaded chicken, deli chicken, turkey",
           "a chicken supper, dinner for everyone, an easy roast"),
    _group("deli and cheese boards", "deli cheese, deli meats, deli salads and dips, party trays, deli specialties",
           "a cheese board, nibbles with friends, a deli lunch"),
    _group("sandwich making", "lunch meat, bread and buns, bakery rolls, salad dressing and mayo, pickles and relish",
           "a stacked sandwich, the lunch box, a quick bite at noon"),
    _group("hearty breakfasts", "breakfast sausage, syrup and pancake mix, frozen breakfasts, hot cereal",
           "a slow Sunday breakfast, pancake morning, a warm start to the day"),
    _group("cereal mornings", "cold cereal, breakfast bars", "a quick breakfast, school mornings, the cereal bowl"),
    _group("quick frozen meals", "frozen dinners, frozen pizza, heat-and-serve meals, frozen potatoes",
           "a no-cook evening, a quick dinner, pizza night"),
    _group("candy and chocolate", "candy bars and gum, bagged candy", "a sweet break, the candy jar, movie night"),
    _group("salty snacking", "chips and pretzels, party-size snacks, snack nuts, popcorn, crackers, deli snacks",
           "movie night, the snack bowl, game day"),
    _group("ice cream and frozen treats", "ice cream, ice cream bars, frozen pies and desserts, dessert toppings",
           "a scoop after dinner, a cool treat, dessert time"),
    _group("bakery treats", "cakes, pies, bakery cookies, donuts and sweet rolls, bakery snacks",
           "coffee and cake, a Sunday treat, sharing with guests"),
    _group("cookies and snack cakes", "cookies, snack cakes",
           "the cookie jar, an afternoon sweet, lunch box surprises"),
    _group("yogurt and light dairy", "yogurt, sour cream and cottage cheese",
           "a light breakfast, a creamy snack, the spoon after lunch"),
    _group("cheese lovers", "cheese", "a melty supper, the cheese drawer, a snack plate"),
    _group("sodas and mixers", "soft drinks, drink mixes", "a fizzy break, the party cooler, a cold glass"),
    _group("fruit juices", "chilled juices, shelf juices, frozen juice", "the breakfast glass, a fruity break, "
           "thirsty kids"),
    _group("flavoured waters", "bottled water, energy and tea drinks",
           "a long day out, your desk, a light refreshment"),
    _group("soups and comfort food", "soup, canned pasta and chili, dinner mixes",
           "a cosy bowl, a rainy evening, comfort on a spoon"),
    _group("puddings and desserts", "pudding and gelatin, chilled puddings and tortillas",
           "a wobbly dessert, the end of a meal, a creamy treat"),
    _group("spreads and toast", "peanut butter and jam", "toast time, a sandwich classic"),
    _group("make-up and beauty", "make-up, cosmetic accessories, fragrances, bath products",
           "a fresh look, an evening out, your beauty shelf"),
    _group("hair styling", "hair care, hair accessories, textured hair care", "a good hair day, your morning mirror"),
    _group("skin care and grooming", "skin care, shaving care, deodorants, sun care, soap and body wash",
           "a fresh feeling, your bathroom shelf, the morning routine"),
    _group("celebrations and gifting", "greeting cards and gift wrap, balloons, bakery party trays, "
           "paper plates and cutlery", "the next birthday, a small surprise, the party table"),
    _group("reading", "magazines, books, newspapers", "a quiet hour, the sofa, a slow Sunday"),
    _group("flowers and house plants", "cut flowers, roses, flowering plants, house plants, vases and floral gifts",
           "a bright windowsill, the table, a cheerful room"),
    _group("gardening", "garden plants, lawn and garden supplies, insect repellents", "the flower bed, a weekend "
           "outdoors", (3, 4, 5, 6, 7, 8)),
    _group("toys and play", "toys and games, sports cards", "a rainy afternoon, playtime, a smiling kid"),
    _group("stationery and crafts", "stationery, sewing supplies", "the desk, homework time, a craft afternoon"),
    _group("movies and photos", "audio and video, film and cameras, photo prints", "a film evening, the album"),
    _group("home fragrance", "candles, air fresheners", "a cosy living room, a fresh hallway"),
    _group("kitchen equipment", "kitchen gadgets, cookware and bakeware, plastic housewares, "
           "glassware and dinnerware, small appliances", "a well-stocked kitchen, your worktop"),
    _group("home improvement", "hardware, light bulbs and electrical, car care products, batteries",
           "the toolbox, a weekend project"),
    _group("holiday decorating", "Christmas items, Halloween items, Easter items, Valentine items, "
           "fall and winter items", "a festive home, the holidays", _YEAR),
)  # fmt: skip

# Household needs: what an interest must not be made of ("Necessity" in the rubric).
NEEDS: dict[str, tuple[str, ...]] = {
    "household supplies": ("toilet paper", "paper towels", "food wraps and trash bags", "tissues and napkins"),
    "cleaning products": ("laundry detergent", "bleach", "household cleaners", "fabric softener", "dish detergent"),
    "everyday groceries": ("milk", "eggs", "margarine", "butter", "sugar and sweeteners", "bananas and tropical fruit"),
    "staple foods": ("canned vegetables", "potatoes", "rice and dry beans", "condiments and sauces", "cooking oil"),
    "medicine cabinet": ("pain relievers", "cold and flu remedies", "antacids", "first aid", "allergy relief"),
}

# Words for planted defects: what this data never holds.
ABSENT_ITEMS = (
    "easel paints", "yoga mats", "hiking boots", "tennis rackets", "guitar strings", "fishing rods", "smart watches",
    "camping tents", "model trains", "dumbbells", "ski goggles", "telescopes", "sewing machines", "skateboards",
)  # fmt: skip
ABSENT_INTERESTS = (
    "painting at home", "yoga", "mountain hiking", "tennis", "playing the guitar", "fishing", "wearable gadgets",
    "camping", "model railways", "weight lifting", "skiing", "stargazing", "dressmaking", "skateboarding",
)  # fmt: skip

BY_NAME = {group.name: group for group in GROUPS}
OF_CATEGORY = {category: group for group in GROUPS for category in group.categories}
