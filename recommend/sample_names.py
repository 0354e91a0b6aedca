"""Readable names for the shouted, abbreviated labels of the grocery sample (the Complete Journey data).

Categories, some 300, have a table written by hand: they are what histories and reasons show. Product types, some
2,200 and cut at 30 characters, are spelled out word by word.
"""

import re

# What no shopper chooses: coupons, deposits, fuel, and the store's own bookkeeping.
NOT_ITEMS = frozenset(
    {
        "BOTTLE DEPOSITS",
        "CONTINUITIES",
        "COUPON",
        "COUPON/MISC ITEMS",
        "COUPONS/STORE & MFG",
        "DELI SUPPLIES",
        "FUEL",
        "LONG DISTANCE CALLING CARDS",
        "MEAT SUPPLIES",
        "MISCELLANEOUS HBC",
        "NON EDIBLE PRODUCTS",
        "PHARMACY",
        "PROD SUPPLIES",
        "TICKETS",
    }
)

# The same category name means another thing in these departments.
_IN_DEPARTMENT = {
    ("NUTRITION", "REFRIGERATED"): "organic chilled foods",
    ("NUTRITION", "FROZEN"): "organic frozen foods",
    ("NUTRITION", "WATER"): "natural mineral water",
    ("NUTRITION", "BREAD"): "organic bread",
    ("NUTRITION", "SOUP"): "organic soup",
    ("NUTRITION", "CONDIMENTS"): "organic condiments",
    ("NUTRITION", "BAKING"): "organic baking ingredients",
    ("NUTRITION", "JUICE"): "organic juice",
    ("NUTRITION", "BEVERAGE"): "natural drinks",
    ("NUTRITION", "DRIED FRUIT"): "dried fruit",
    ("MEAT-PCKGD", "MISCELLANEOUS"): "other packaged meats",
    ("MEAT", "MISCELLANEOUS"): "other packaged meats",
    ("PRODUCE", "SEASONAL"): "seasonal produce",
    ("PRODUCE", "PROCESSED"): "salad toppings and dips",
}

_CATEGORIES = {
    "ADULT INCONTINENCE": "incontinence products",
    "AIR CARE": "air fresheners",
    "ANALGESICS": "pain relievers",
    "ANTACIDS": "antacids",
    "APPAREL": "clothing",
    "APPLES": "apples",
    "AUDIO/VIDEO PRODUCTS": "audio and video",
    "AUTOMOTIVE PRODUCTS": "car care products",
    "BABY FOODS": "baby foods",
    "BABY HBC": "baby wipes and lotion",
    "BABYFOOD": "organic baby food",
    "BACON": "bacon",
    "BAG SNACKS": "chips and pretzels",
    "BAKED BREAD/BUNS/ROLLS": "bread and buns",
    "BAKED SWEET GOODS": "snack cakes",
    "BAKERY PARTY TRAYS": "bakery party trays",
    "BAKING": "baking ingredients",
    "BAKING MIXES": "baking mixes",
    "BAKING NEEDS": "baking ingredients",
    "BATH": "bath products",
    "BATH TISSUES": "toilet paper",
    "BATTERIES": "batteries",
    "BEANS - CANNED GLASS & MW": "canned beans",
    "BEEF": "beef",
    "BEERS/ALES": "beer and ale",
    "BERRIES": "berries",
    "BEVERAGE": "drinks",
    "BIRD SEED": "bird seed",
    "BLEACH": "bleach",
    "BOOKSTORE": "books",
    "BOUQUET (NON ROSE)": "bouquets",
    "BREAD": "bakery bread",
    "BREAKFAST SAUSAGE/SANDWICHES": "breakfast sausage",
    "BREAKFAST SWEETS": "donuts and sweet rolls",
    "BROCCOLI/CAULIFLOWER": "broccoli and cauliflower",
    "BROOMS AND MOPS": "brooms and mops",
    "BULK FOODS": "bulk foods",
    "BUTTER": "butter",
    "CAKES": "cakes",
    "CANDLES/ACCESSORIES": "candles",
    "CANDY - CHECKLANE": "candy bars and gum",
    "CANDY - PACKAGED": "bagged candy",
    "CANNED JUICES": "shelf juices",
    "CANNED MILK": "canned milk",
    "CARROTS": "carrots",
    "CAT FOOD": "cat food",
    "CAT LITTER": "cat litter",
    "CEREAL/BREAKFAST": "organic cereal",
    "CHARCOAL AND LIGHTER FLUID": "charcoal",
    "CHEESE": "cheese",
    "CHEESES": "deli cheese",
    "CHICKEN": "fresh chicken",
    "CHICKEN/POULTRY": "deli chicken",
    "CHIPS&SNACKS": "natural snacks",
    "CHRISTMAS  SEASONAL": "Christmas items",
    "CIGARETTES": "cigarettes",
    "CIGARS": "cigars",
    "CITRUS": "citrus fruit",
    "COCOA MIXES": "cocoa mixes",
    "COFFEE": "coffee",
    "COFFEE FILTERS": "coffee filters",
    "COFFEE SHOP": "coffee shop drinks",
    "COFFEE SHOP SWEET GOODS&RETAIL": "coffee shop pastries",
    "COLD AND FLU": "cold and flu remedies",
    "COLD CEREAL": "cold cereal",
    "CONDIMENTS": "condiments",
    "CONDIMENTS/SAUCES": "condiments and sauces",
    "CONVENIENT BRKFST/WHLSM SNACKS": "breakfast bars",
    "COOKIES": "bakery cookies",
    "COOKIES/CONES": "cookies",
    "COOKWARE & BAKEWARE": "cookware and bakeware",
    "CORN": "sweet corn",
    "COSMETIC ACCESSORIES": "cosmetic accessories",
    "CRACKERS/MISC BKD FD": "crackers",
    "DELI MEATS": "deli meats",
    "DELI SPECIALTIES (RETAIL PK)": "deli specialties",
    "DEODORANTS": "deodorants",
    "DIAPERS & DISPOSABLES": "diapers",
    "DIETARY AID PRODUCTS": "diet aids",
    "DINNER MXS:DRY": "dinner mixes",
    "DINNER SAUSAGE": "dinner sausage",
    "DISHWASH DETERGENTS": "dish detergent",
    "DISPOSIBLE FOILWARE": "foil pans",
    "DOG FOODS": "dog food",
    "DOLLAR VALUE PRODUCTS": "dollar bargains",
    "DOMESTIC GOODS": "linens and home textiles",
    "DOMESTIC WINE": "domestic wine",
    "DRIED FRUIT": "dried fruit",
    "DRY BN/VEG/POTATO/RICE": "rice and dry beans",
    "DRY MIX DESSERTS": "pudding and gelatin",
    "DRY NOODLES/PASTA": "dry pasta",
    "DRY SAUCES/GRAVY": "gravy and sauce mixes",
    "DRY TEA/COFFEE/COCO MIX": "organic tea and coffee",
    "EASTER": "Easter items",
    "EASTER LILY": "Easter lilies",
    "EGGS": "eggs",
    "ELECTRICAL SUPPPLIES": "light bulbs and electrical",
    "ETHNIC PERSONAL CARE": "textured hair care",
    "EXOTIC GAME/FOWL": "game meat",
    "EYE AND EAR CARE PRODUCTS": "eye and ear care",
    "FACIAL TISS/DNR NAPKIN": "tissues and napkins",
    "FALL AND WINTER SEASONAL": "fall and winter items",
    "FAMILY PLANNING": "family planning",
    "FD WRAPS/BAGS/TRSH BG": "food wraps and trash bags",
    "FEMININE HYGIENE": "feminine hygiene",
    "FILM AND CAMERA PRODUCTS": "film and cameras",
    "FIREWORKS": "fireworks",
    "FIRST AID PRODUCTS": "first aid",
    "FITNESS&DIET": "fitness bars and shakes",
    "FLORAL BALLOONS": "balloons",
    "FLORAL- HARD GOODS": "vases and floral gifts",
    "FLORAL-ACCESSORIES": "floral accessories",
    "FLORAL-FLOWERING PLANTS": "flowering plants",
    "FLORAL-FOLIAGE PLANTS": "house plants",
    "FLORAL-FRESH CUT": "cut flowers",
    "FLOUR & MEALS": "flour",
    "FLUID MILK PRODUCTS": "milk",
    "FOOT CARE PRODUCTS": "foot care",
    "FRAGRANCES": "fragrances",
    "FROZEN": "frozen foods",
    "FROZEN - BOXED(GROCERY)": "boxed frozen seafood",
    "FROZEN BREAD/DOUGH": "frozen bread and dough",
    "FROZEN CHICKEN": "frozen chicken",
    "FROZEN MEAT": "frozen breaded chicken",
    "FROZEN PACKAGE MEAT": "frozen packaged meat",
    "FROZEN PIE/DESSERTS": "frozen pies and desserts",
    "FROZEN PIZZA": "frozen pizza",
    "FRUIT - SHELF STABLE": "canned fruit",
    "FRZN BREAKFAST FOODS": "frozen breakfasts",
    "FRZN FRUITS": "frozen fruit",
    "FRZN ICE": "bagged ice",
    "FRZN JCE CONC/DRNKS": "frozen juice",
    "FRZN MEAT/MEAT DINNERS": "frozen dinners",
    "FRZN NOVELTIES/WTR ICE": "ice cream bars",
    "FRZN POTATOES": "frozen potatoes",
    "FRZN SEAFOOD": "frozen seafood",
    "FRZN VEGETABLE/VEG DSH": "frozen vegetables",
    "GARDEN CENTER": "garden plants",
    "GIFT & FRUIT BASKETS": "gift baskets",
    "GLASSES/VISION AIDS": "reading glasses",
    "GLASSWARE & DINNERWARE": "glassware and dinnerware",
    "GRAPES": "grapes",
    "GREETING CARDS/WRAP/PARTY SPLY": "greeting cards and gift wrap",
    "HAIR CARE ACCESSORIES": "hair accessories",
    "HAIR CARE PRODUCTS": "hair care",
    "HALLOWEEN": "Halloween items",
    "HAND/BODY/FACIAL PRODUCTS": "skin care",
    "HARDWARE SUPPLIES": "hardware",
    "HEAT/SERVE": "heat-and-serve meals",
    "HERBS": "fresh herbs and garlic",
    "HISPANIC": "Mexican foods",
    "HOME FREEZING & CANNING SUPPLY": "canning supplies",
    "HOME FURNISHINGS": "home furnishings",
    "HOME HEALTH CARE": "home health care",
    "HOSIERY/SOCKS": "socks and hosiery",
    "HOT CEREAL": "hot cereal",
    "HOT DOGS": "hot dogs",
    "HOUSEHOLD CLEANG NEEDS": "household cleaners",
    "ICE CREAM/MILK/SHERBTS": "ice cream",
    "IMPORTED WINE": "imported wine",
    "IN-STORE PHOTOFINISHING": "photo prints",
    "INFANT CARE PRODUCTS": "infant care",
    "INFANT FORMULA": "infant formula",
    "INSECTICIDES": "insect repellents",
    "IRONING AND CHEMICALS": "ironing supplies",
    "ISOTONIC DRINKS": "sports drinks",
    "J-HOOKS": "aisle impulse items",
    "JUICE": "juice",
    "KITCHEN GADGETS": "kitchen gadgets",
    "LAMB": "lamb",
    "LAUNDRY ADDITIVES": "fabric softener",
    "LAUNDRY DETERGENTS": "laundry detergent",
    "LAWN AND GARDEN SHOP": "lawn and garden supplies",
    "LAXATIVES": "laxatives",
    "LIQUOR": "spirits",
    "LUNCHMEAT": "lunch meat",
    "MAGAZINE": "magazines",
    "MAKEUP AND TREATMENT": "make-up",
    "MARGARINES": "margarine",
    "MEAT - MISC": "frozen chicken and burgers",
    "MEAT - SHELF STABLE": "canned pasta and chili",
    "MELONS": "melons",
    "MILK BY-PRODUCTS": "sour cream and cottage cheese",
    "MISC WINE": "other wine",
    "MISC. DAIRY": "chilled puddings and tortillas",
    "MISCELLANEOUS CROUTONS": "croutons",
    "MOLASSES/SYRUP/PANCAKE MIXS": "syrup and pancake mix",
    "MUSHROOMS": "mushrooms",
    "NATURAL HBC": "natural body care",
    "NATURAL VITAMINS": "natural vitamins",
    "NDAIRY/TEAS/JUICE/SOD": "natural drinks",
    "NEW AGE": "energy and tea drinks",
    "NEWSPAPER": "newspapers",
    "NON-DAIRY BEVERAGES": "soy and plant milk",
    "NUTS": "nuts in the shell",
    "OLIVES": "olives",
    "ONIONS": "onions",
    "ORAL HYGIENE PRODUCTS": "oral care",
    "ORGANICS FRUIT & VEGETABLES": "organic produce",
    "OVERNIGHT PHOTOFINISHING": "photo prints",
    "PACKAGED NATURAL SNACKS": "natural snacks",
    "PAPER HOUSEWARES": "paper plates and cutlery",
    "PAPER TOWELS": "paper towels",
    "PARTY TRAYS": "party trays",
    "PASTA SAUCE": "pasta sauce",
    "PEARS": "pears",
    "PEPPERS-ALL": "peppers",
    "PERSONAL CARE APPLIANCES": "personal care appliances",
    "PET CARE SUPPLIES": "pet supplies",
    "PICKLE/RELISH/PKLD VEG": "pickles and relish",
    "PIES": "pies",
    "PKG.SEAFOOD MISC": "other packaged seafood",
    "PLASTIC HOUSEWARES": "plastic housewares",
    "PNT BTR/JELLY/JAMS": "peanut butter and jam",
    "POPCORN": "popcorn",
    "PORK": "pork",
    "PORTABLE ELECTRIC APPLIANCES": "small appliances",
    "POTATOES": "potatoes",
    "PREPAID WIRELESS&ACCESSORIES": "prepaid phone cards",
    "PREPARED FOOD": "hot prepared food",
    "PREPARED/PKGD FOODS": "organic packaged foods",
    "PROCESSED": "salad toppings and dips",
    "PROPANE": "propane",
    "PWDR/CRYSTL DRNK MX": "drink mixes",
    "QUICK SERVICE": "quick-service meals",
    "REFRGRATD DOUGH PRODUCTS": "chilled dough",
    "REFRGRATD JUICES/DRNKS": "chilled juices",
    "REFRIGERATED": "chilled foods",
    "RESTRICTED DIET": "special-diet foods",
    "RICE CAKES": "rice cakes",
    "ROLLS": "bakery rolls",
    "ROSES": "roses",
    "RW FRESH PROCESSED MEAT": "fresh processed meat",
    "SALAD BAR": "salad bar",
    "SALAD MIX": "salad mix",
    "SALADS/DIPS": "deli salads and dips",
    "SALD DRSNG/SNDWCH SPRD": "salad dressing and mayo",
    "SANDWICHES": "deli sandwiches",
    "SEAFOOD - FROZEN": "frozen fish and shrimp",
    "SEAFOOD - MISC": "seafood extras",
    "SEAFOOD - SHELF STABLE": "canned tuna",
    "SEAFOOD-FRESH": "fresh seafood",
    "SEASONAL": "seasonal items",
    "SERVICE BEVERAGE": "fountain drinks",
    "SEWING": "sewing supplies",
    "SHAVING CARE PRODUCTS": "shaving care",
    "SHOE CARE": "shoe care",
    "SHORTENING/OIL": "cooking oil",
    "SINUS AND ALLERGY": "allergy relief",
    "SMOKED MEATS": "ham and smoked meats",
    "SMOKING CESSATIONS": "quit-smoking aids",
    "SNACK NUTS": "snack nuts",
    "SNACKS": "deli snacks",
    "SNKS/CKYS/CRKR/CNDY": "organic cookies and crackers",
    "SOAP - LIQUID & BAR": "soap and body wash",
    "SOFT DRINKS": "soft drinks",
    "SOUP": "soup",
    "SPICES & EXTRACTS": "spices",
    "SPORTS MEMORABLILIA": "sports cards",
    "SPRING/SUMMER SEASONAL": "summer items",
    "SQUASH": "squash",
    "STATIONERY & SCHOOL SUPPLIES": "stationery",
    "STONE FRUIT": "peaches and plums",
    "SUGARS/SWEETNERS": "sugar and sweeteners",
    "SUNTAN": "sun care",
    "SUSHI": "sushi",
    "SWEET GOODS & SNACKS": "bakery snacks",
    "SYRUPS/TOPPINGS": "dessert toppings",
    "TEAS": "tea",
    "TOBACCO OTHER": "other tobacco",
    "TOMATOES": "tomatoes",
    "TOYS": "toys",
    "TOYS AND GAMES": "toys and games",
    "TROPICAL FRUIT": "bananas and tropical fruit",
    "TURKEY": "turkey",
    "VALENTINE": "Valentine items",
    "VALUE ADDED FRUIT": "cut fruit",
    "VALUE ADDED VEGETABLES": "cut vegetables",
    "VEAL": "veal",
    "VEGETABLES - ALL OTHERS": "fresh vegetables",
    "VEGETABLES - SHELF STABLE": "canned vegetables",
    "VEGETABLES SALAD": "lettuce and salad greens",
    "VITAMINS": "vitamins",
    "WAREHOUSE SNACKS": "party-size snacks",
    "WATCHES/CALCULATORS/LOBBY": "watches and calculators",
    "WATER": "water",
    "WATER - CARBONATED/FLVRD DRINK": "bottled water",
    "YOGURT": "yogurt",
}

_DEPARTMENTS = {
    "AUTOMOTIVE": "automotive",
    "CHEF SHOPPE": "chef shop",
    "COSMETICS": "cosmetics",
    "DELI": "deli",
    "DRUG GM": "health and household",
    "FLORAL": "flowers and plants",
    "FROZEN GROCERY": "frozen",
    "GARDEN CENTER": "garden centre",
    "GROCERY": "grocery",
    "MEAT": "fresh meat",
    "MEAT-PCKGD": "packaged meat",
    "NUTRITION": "natural and organic",
    "PASTRY": "bakery",
    "PHOTO & VIDEO": "photo and video",
    "PRODUCE": "fruit and vegetables",
    "RESTAURANT": "restaurant",
    "SALAD BAR": "salad bar",
    "SEAFOOD": "seafood",
    "SEAFOOD-PCKGD": "packaged seafood",
    "SPIRITS": "wine and spirits",
    "TOYS": "toys",
    "TRAVEL & LEISURE": "travel and leisure",
}

# abbreviation=meaning; nothing after the sign: left out; "_" is a space.
_WORDS = {
    word: meaning.replace("_", " ")
    for word, meaning in (
        entry.split("=")
        for entry in """
&=and abrasives=abrasive acc=accessories anti-acids=antacids antiperspirants=antiperspirant b= ba=bars
bev=beverage bnls=boneless br=bread brd=breaded btl=bottle btr=butter canl=canister carb=carbonated
catfd=cat_food catsup=ketchup chick=chicken chix=chicken choc=chocolate chococlate=chocolate cilanto=cilantro
cky=cookies ckye=cookies clean=cleaning cleane=cleaner cnd=canned combin=combination conc=concentrate
cracke=crackers crkr=crackers crmd=creamed dan=danish decaffinated=decaffeinated dnr=dinner dnrs=dinners
dogfd=dog_food dps=dips drng=dressing drnk=drink drnking=drinking drnkng=drinking drnkng/mnrl=drinking
drnks=drinks el= esl= et= etc= exact= ext= fd=food fem=feminine flav=flavoured flvr=flavoured flvrd=flavoured
frd=fried fre=fresh frz=frozen frzn=frozen fs= gds=goods gr= grnd=ground handke=handkerchiefs hygn=hygiene
inst=instant iqf=frozen iws=wrapped_slices jce=juice jnr=junior ju=juice jui=juice juic=juice lin=
linaments=liniments liq=liquid liqs=liqueurs mach=machine may=mayo mfg= misc=assorted miscellaneous=assorted
mlk=milk mlt=multi mlt-pk=multi-pack mneral=mineral mnr=mineral mnrl=mineral mustar=mustard mw=microwave
mxs=mixes n= napkins.=napkins nz= o= oth=other othe=other ov= p= pac=pack pk=pack pkg=packaged pkld=pickled
plstc=plastic pnt=peanut portn=portion porton=portions prem=premium prep=prepared prepack=packed
preportnd=portioned protien=protein prpck=packed prslc=porcelain pwdr=powder pwdrs=powders
refigerated=refrigerated refrgratd=refrigerated refrig=refrigerated ric=rice rtd=ready-to-drink rte=ready-to-eat
rts=ready-to-serve rw= s= sal=salad sandwic=sandwiches saus=sausage sect=sections sft=soft sgl=single
shlfsh=shellfish shred=shredded sngl=single snk=snack snks=snacks sprd=spread srv=serve ss=single-serve
subs=substitutes sup=super sv=serve sw=sweet sweetner=sweetener sweetners=sweeteners swt=sweet syrp=syrup t=
tabl=table tiss=tissue tissue.=tissue tort=tortilla tostado=tostada trsh=trash u= vac=vacuum veg=vegetable
vend=vending wafer=wafers wat=water wate=water whl=whole whlsm=wholesome worchester=worcestershire wt= wtr=water
xpctrnt=
""".split()  # noqa: SIM905 - shorter to read than 150 literals
    )
}

# Labels that word-by-word spelling would not save.
_TYPES = {
    "SAL:SALSA/DPS-PRPCK": "packed salsa and dips",
    "WOMEN S GENERAL-MAGAZINE": "women's magazines",
    "TV/MOVIE-MAGAZINE": "film and TV magazines",
    "SOCIAL/LIFESTYLE-MAGAZINE": "lifestyle magazines",
    "NECTARINES YELLOW FLESH": "yellow nectarines",
    "PEACHES YELLOW FLESH": "yellow peaches",
    "ACCESSORIES LITTER": "litter accessories",
    "SNACKS/APPETIZERS": "frozen appetizers",
    "SANDWICHES&HANDHELDS": "frozen sandwiches",
    "CAKES: NOVELTIES": "novelty cakes",
    "BEANS GREEN: FS/WHL/CUT": "green beans",
    "BROCCOLI WHOLE&CROWNS": "broccoli crowns",
    "PIZZA/ECONOMY": "economy pizza",
    "PIZZA/PREMIUM": "premium pizza",
    "PIZZA/TRADITIONAL": "traditional pizza",
    "CARDS EVERYDAY": "everyday greeting cards",
    "CARDS SEASONAL": "seasonal greeting cards",
    "CANDY BAGS-CHOCOCLATE": "bagged chocolate candy",
    "CANDY BAGS-NON CHOCOLATE": "bagged sugar candy",
    "SEASONAL CANDY BAGS-CHOCOLATE": "seasonal chocolate bags",
    "ALL FAMILY CEREAL": "family cereal",
    "WAFFLES/PANCAKES/FRENCH TOAST": "frozen waffles and pancakes",
    "ISOTONIC DRINKS SINGLE SERVE": "single-serve sports drinks",
    "SNACK CAKE - MULTI PACK": "multi-pack snack cakes",
    "SWEET GOODS - FULL SIZE": "full-size sweet goods",
    "BABY FOOD - BEGINNER": "beginner baby food",
    "BABY FOOD JUNIOR ALL BRANDS": "junior baby food",
    "SOLID/STK DEODORANTS": "stick deodorants",
    "TRAY PACK/CHOC CHIP COOKIES": "chocolate chip cookies",
    "ORANGES NAVELS ALL": "navel oranges",
    "FRZN MULTI SERVE ENTREES ALL": "multi-serve frozen entrees",
    "FRZN BAGGED VEGETABLES - PLAIN": "frozen bagged vegetables",
    "FRZN BOXED VEGETABLES- VALUE A": "frozen boxed vegetables",
    "MUSHROOMS W/WHOLE PKG": "packaged whole mushrooms",
    "PUDDINGS DRY": "dry pudding mix",
    "SPAGHETTI DRY": "dry spaghetti",
    "NOODLES DRY": "dry noodles",
    "MACARONI DRY": "dry macaroni",
    "TUNA": "canned tuna",
    "ASEPTIC PACK JUICE AND DRINKS": "juice boxes",
    "BEERALEMALT LIQUORS": "beer and ale",
    "BOXED WINES": "boxed wine",
    "BUTTER SPRAY CRACKER (RITZ/CLU": "butter crackers",
    "CAN CATFD GOURMET/SUP PREM (GR": "gourmet canned cat food",
    "CAN DOG FOOD (SKIPPY/PEDIGREE/": "canned dog food",
    "CAN DOGFD GOURMET/SUPER PREM (": "gourmet canned dog food",
    "CANDY BARS (SINGLES)(INCLUDING": "single candy bars",
    "CANDY BARS (MULTI PACK)": "multi-pack candy bars",
    "CHEESE CRACKERS (CHEEZ-ITS/GOL": "cheese crackers",
    "COUGH SYRP/LOZNG-DRP/XPCTRNT": "cough syrup and drops",
    "CRANAPPLE CRAN GRAPE JUICE (5": "cranberry blend juice",
    "DAIRY CASE 100% PURE JUICE - O": "chilled orange juice",
    "DAIRY CASE CITRUS PNCH/OJ SUBS": "chilled citrus punch",
    "DAIRY CASE FRUIT DRINKS (NO JU": "chilled fruit drinks",
    "DAIRY CASE JUICE DRNK UNDER 10": "chilled juice drinks",
    "DAIRY CASE TEA WITH SUGAR OR S": "chilled sweet tea",
    "DESIGNER PAPER: MEDIUM WEIGHT": "designer paper plates",
    "EGGS - LARGE": "large eggs",
    "EGGS - MEDIUM": "medium eggs",
    "EGGS - X-LARGE": "extra-large eggs",
    "FACIAL TISSUE & PAPER HANDKE": "facial tissues",
    "FEM. HYGN.NAPKINS": "sanitary napkins",
    "FEM. HYGN. TAMPONS": "tampons",
    "FLUID MILK WHITE ONLY": "white milk",
    "FRZN SS PREMIUM ENTREES/DNRS/N": "premium frozen entrees",
    "FRZN SS PREMIUM ENTREES/DNRS/T": "traditional frozen entrees",
    "GARBAGE KITCHEN COMPACTOR BA": "kitchen garbage bags",
    "GRND/PATTY - FROZEN": "frozen ground patties",
    "IWS SINGLE CHEESE": "single-slice cheese",
    "MAINSTREAM WHEAT/MULTIGRAIN BR": "wheat bread",
    "MAINSTREAM WHITE BREAD": "white bread",
    "MALTED MLK/SYRUP/PWDRS (EGGNOG": "chocolate syrup and malted milk",
    "MEXICAN SAUCESSALSAPICANTEE": "salsa and picante sauce",
    "MINTS CANDY & BREATH (NOT LIF": "breath mints",
    "NATURAL CHEESE EXACT WT CHUNKS": "natural cheese chunks",
    "NATURAL CHEESE EXACT WT SLICES": "natural cheese slices",
    "NON DAIRY CREAMER: DRY": "dry coffee creamer",
    "NON-CARB FLVRD DRNKNG/MNRL WAT": "flavoured still water",
    "NON-CRBNTD DRNKING/MNERAL WATE": "still mineral water",
    "NON-CARB WATER FLVR - DRNK/MNR": "flavoured natural water",
    "PLSTC CTLRYTBLCLTHSTTHPKSST": "plastic cutlery",
    "PREPARED BEANS - BAKED W/PORK": "baked beans",
    "PUDDING&GELATIN CUPS/CANS": "pudding and gelatin cups",
    "REFRIGERATED SPECILATY ROLLS": "refrigerated specialty rolls",
    "RTS SOUP: CHUNKY/HOMESTYLE ET": "chunky ready-to-serve soup",
    "SEAFOOD-FRZ-IQF RAW SHRIMP RW": "raw frozen shrimp",
    "SEAFOOD-FRZ-RAW FILLETS": "frozen fish fillets",
    "SEMI-SOLID SALAD DRESSING MAY": "mayonnaise",
    "SFT DRNK 2 LITER BTL CARB INCL": "two-litre soda bottles",
    "SFT DRNK MLT-PK BTL CARB (EXCP": "multi-pack soda bottles",
    "SFT DRNK SNGL SRV BTL CARB (EX": "single soda bottles",
    "SGL SV/VEND MACH SNACKS CHIP/P": "single-serve chips",
    "SOFT DRINK BOTTLE NON-CARB (EX": "still drink bottles",
    "SOFT DRINKS 12/18&15PK CAN CAR": "12-pack soda cans",
    "SOFT DRINKS 20PK&24PK CAN CARB": "24-pack soda cans",
    "SOFT DRINKS 6PK/4PK CAN CARB (": "6-pack soda cans",
    "SOFT DRINKS CAN NON-CARB (EXCE": "still drink cans",
    "SOUP CRACKERS (SALTINE/OYSTER)": "soup crackers",
    "SS ECONOMY ENTREES/DINNERS ALL": "economy frozen entrees",
    "STICKS/ENROBED": "chocolate-coated ice cream bars",
    "VAC PAC NUTS(CANS)": "canned snack nuts",
    "VARIETY BEANS - KIDNEY PINTO": "kidney and pinto beans",
    "VEG JUICE (EXCEPT TOMATO) (OVE": "vegetable juice",
    "WATER ICE": "ice pops",
    "YOGURT MULTI-PACKS": "multi-pack yogurt",
    "YOGURT NOT MULTI-PACKS": "single yogurt cups",
}

# What stands before a colon and adds nothing: "SW GDS:DONUTS".
_IDLE_HEADS = frozenset({"sw gds", "prep fd", "misc"})

# Words that say which kind, not what: a type of only these is read together with its category.
_MODIFIERS = frozenset(
    """
all angus assorted authentic basic better bulk choice combo conventional cut economy enhanced entrees exact
extra for fresh frozen full fully cooked garden general giant gold good green heavy instant large lean light
loose low mainstream medium mini multi natural non other pack packaged patties plain plus popular premium pints
primal raw red regular rolls seasonal select self single sliced small smoked soft special specialty standard
steaks super sweet traditional upscale value variety white whole yellow you kids adult family meat pork ribs
stew soup blends kits mix brands links sets tools unscented powder gel liquid canister canned bag bags bottles
jar dry wet boneless boxed
""".split()  # noqa: SIM905
)


def category_name(department: str | None, category: str | None) -> str | None:
    """The readable name of a category, lower case; None for what is not an item of choice (see NOT_ITEMS).

    >>> category_name("GROCERY", "FRZN MEAT/MEAT DINNERS")
    'frozen dinners'
    >>> category_name("FUEL", "COUPON/MISC ITEMS") is None
    True
    """
    if category is None or category in NOT_ITEMS:
        return None
    named = _IN_DEPARTMENT.get((department or "", category)) or _CATEGORIES.get(category)
    return named or spell_out(category)


def department_name(department: str | None) -> str:
    """The readable name of a department, lower case.

    >>> department_name("DRUG GM")
    'health and household'
    """
    return _DEPARTMENTS.get(department or "", (department or "other").lower())


def type_name(product_type: str | None, category: str) -> str:
    """The readable name of a product type; one that only says which kind is read with its category's name.

    >>> type_name("SHREDDED CHEESE", "cheese"), type_name("PREMIUM", "ice cream")
    ('shredded cheese', 'premium ice cream')
    >>> type_name("POTATOES RUSSET (BULK&BAG)", "potatoes"), type_name(None, "soup")
    ('russet potatoes', 'soup')
    """
    if not product_type:
        return category
    if product_type in _TYPES:
        return _TYPES[product_type]
    name = spell_out(product_type)
    words = name.split()
    if not re.search("[a-z]", name):
        return category
    if all(word in _MODIFIERS for word in words):
        return category if set(words) <= set(category.split()) else f"{name} {category}"
    if len(words) > 1 and words[0] == category.split()[-1] and words[1] != "and":
        return " ".join([*words[1:], words[0]])  # "potatoes russet"
    return name


def spell_out(label: str) -> str:
    """A shouted label as lower-case words: abbreviations spelled out, remarks in brackets and cut-off ends dropped.

    >>> spell_out("FRZN BAGGED VEGETABLES - PLAIN"), spell_out("CHICKEN DRUMS (FRESH"), spell_out("BREAD:ITALIAN")
    ('frozen bagged vegetables plain', 'chicken drums', 'italian bread')
    """
    text = re.sub(r"\([^)]*\)|\([^)]*$", " ", label).lower()
    head, colon, rest = text.partition(":")
    if colon and rest.strip():
        text = f"{rest} {head}" if head.strip() not in _IDLE_HEADS else rest
    text = text.replace("/", " and ").replace("&", " and ").replace("-magazine", " magazine")
    spelled = " ".join(_WORDS.get(word, word) for word in re.findall(r"[a-z0-9%'][a-z0-9%'.\-]*", text))
    kept: list[str] = []
    for word in (part.strip(".-") for part in spelled.split()):
        repeats = kept[-1:] in ([], ["and"]) if word == "and" else word in kept
        if word and not repeats:
            kept.append(word)
    while kept and kept[-1] in {"and", "or", "with", "for", "of", "on", "the", "in"}:
        kept.pop()
    return " ".join(kept)
