"""One way of making the partitions of any table that is cut by months; the audit log had one of its own."""

from django.db import migrations

MONTHS = """
-- Makes the partitions of `n` months from the given one on; returns how many are new. Rows that had no month yet move
-- into theirs, where the table has a default partition: it is taken off, written again through the table, and dropped.
-- By the right of whoever owns the tables, as a role that may only import needs months too.
CREATE OR REPLACE FUNCTION recommend_make_months(parent regclass, first date, n integer)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    name text := (SELECT relname FROM pg_class WHERE oid = parent);
    rest text := name || '_rest';
    has_rest boolean := to_regclass(quote_ident(rest)) IS NOT NULL;
    month date;
    part text;
    n_made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext(name || ' months'));
    FOR i IN 0 .. n - 1 LOOP
        month := date_trunc('month', first) + i * interval '1 month';
        part := name || '_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass(quote_ident(part)) IS NOT NULL;
        IF n_made = 0 AND has_rest THEN
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', name, rest);
        END IF;
        -- Attached and not made in place: that lets others read and write the other months meanwhile.
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, name);
        EXECUTE format(
            'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, part, month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month')::timestamp AT TIME ZONE 'UTC'
        );
        PERFORM recommend_refuse_truncate(parent, part);
        n_made := n_made + 1;
    END LOOP;
    IF n_made > 0 AND has_rest THEN
        EXECUTE format('ALTER TABLE %I RENAME TO %I', rest, name || '_moving');
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', rest, name);
        PERFORM recommend_refuse_truncate(parent, rest);
        EXECUTE format('INSERT INTO %I SELECT * FROM %I', name, name || '_moving');
        EXECUTE format('DROP TABLE %I', name || '_moving');
    END IF;
    RETURN n_made;
END $$;

-- PostgreSQL copies row triggers to every partition; those for TRUNCATE are not copied.
CREATE OR REPLACE FUNCTION recommend_refuse_truncate(parent regclass, part text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT tgname, tgfoid::regproc AS does FROM pg_trigger
        WHERE tgrelid = parent AND NOT tgisinternal AND tgtype & 32 > 0
    LOOP
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION %s()',
            given.tgname, part, given.does
        );
    END LOOP;
END $$;
DROP FUNCTION recommend_audit_make_months(date, integer);
"""
# The functions stay: the one that the audit log had is now a way into them.
BACK = """
CREATE FUNCTION recommend_audit_make_months(first date, n integer) RETURNS integer LANGUAGE sql AS $$
    SELECT recommend_make_months('recommend_auditentry', first, n)
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("recommend", "0012_population_jobs")]

    operations = [migrations.RunSQL(MONTHS, BACK)]
