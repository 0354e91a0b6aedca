"""The audit log: a table that PostgreSQL lets nobody change, in one partition a month."""

import django.utils.timezone
from django.db import migrations, models

import recommend.models

TABLE = """
CREATE TABLE recommend_auditentry (
    id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    actor_id bigint,
    actor varchar(150) NOT NULL,
    verb varchar(40) NOT NULL,
    object_type varchar(40) NOT NULL,
    object_id varchar(64) NOT NULL,
    via varchar(8) NOT NULL,
    address inet,
    token varchar(25) NOT NULL,
    detail jsonb NOT NULL,
    PRIMARY KEY (id, created_at)  -- of a partitioned table: it must hold what the parts are cut by
) PARTITION BY RANGE (created_at);
CREATE INDEX audit_by_actor ON recommend_auditentry (actor, id);
CREATE INDEX audit_by_verb ON recommend_auditentry (verb, id);
CREATE INDEX audit_by_object ON recommend_auditentry (object_id, id);
-- Takes what has no month yet, so that an act never fails for want of a partition.
CREATE TABLE recommend_auditentry_rest PARTITION OF recommend_auditentry DEFAULT;

CREATE FUNCTION recommend_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only: % is refused.', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'manage.py audit_months drops whole months.';
END $$;
-- PostgreSQL copies row triggers to every partition; those for TRUNCATE are not copied.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON recommend_auditentry
    FOR EACH ROW EXECUTE FUNCTION recommend_audit_is_append_only();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON recommend_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION recommend_audit_is_append_only();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON recommend_auditentry_rest
    FOR EACH STATEMENT EXECUTE FUNCTION recommend_audit_is_append_only();

-- Makes the partitions of `n` months from the given one on; returns how many are new. Entries that had no month yet move
-- into theirs: the default partition is taken off, written again through the table, and dropped.
CREATE FUNCTION recommend_audit_make_months(first date, n integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    month date;
    part text;
    n_made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('recommend_audit_make_months'));
    FOR i IN 0 .. n - 1 LOOP
        month := date_trunc('month', first) + i * interval '1 month';
        part := 'recommend_auditentry_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        IF n_made = 0 THEN
            ALTER TABLE recommend_auditentry DETACH PARTITION recommend_auditentry_rest;
        END IF;
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF recommend_auditentry FOR VALUES FROM (%L) TO (%L)',
            part, month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month')::timestamp AT TIME ZONE 'UTC'
        );
        EXECUTE format(
            'CREATE TRIGGER not_emptied BEFORE TRUNCATE ON %I
             FOR EACH STATEMENT EXECUTE FUNCTION recommend_audit_is_append_only()', part
        );
        n_made := n_made + 1;
    END LOOP;
    IF n_made > 0 THEN
        ALTER TABLE recommend_auditentry_rest RENAME TO recommend_auditentry_moving;
        CREATE TABLE recommend_auditentry_rest PARTITION OF recommend_auditentry DEFAULT;
        CREATE TRIGGER not_emptied BEFORE TRUNCATE ON recommend_auditentry_rest
            FOR EACH STATEMENT EXECUTE FUNCTION recommend_audit_is_append_only();
        INSERT INTO recommend_auditentry SELECT * FROM recommend_auditentry_moving;
        DROP TABLE recommend_auditentry_moving;
    END IF;
    RETURN n_made;
END $$;
SELECT recommend_audit_make_months(current_date, 3);
"""
BACK = """
DROP TABLE recommend_auditentry;
DROP FUNCTION recommend_audit_make_months(date, integer);
DROP FUNCTION recommend_audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("recommend", "0002_language_model_request_options")]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.UUIDField(default=recommend.models.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("actor_id", models.BigIntegerField(help_text="The user's id; empty where nobody was signed in.", null=True)),
                ("actor", models.CharField(blank=True, help_text="The user's name at that time.", max_length=150)),
                ("verb", models.CharField(max_length=40)),
                ("object_type", models.CharField(blank=True, max_length=40)),
                ("object_id", models.CharField(blank=True, max_length=64)),
                ("via", models.CharField(help_text="page, api, admin, command or worker", max_length=8)),
                ("address", models.GenericIPAddressField(help_text="The address that the request came from.", null=True)),
                ("token", models.CharField(blank=True, help_text="The beginning of the API token, if one was used.", max_length=25)),
                ("detail", models.JSONField(default=dict, help_text="Small facts: counts, names of fields, states; no labels.")),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "db_table": "recommend_auditentry",
                "ordering": ["-id"],
                "managed": False,
            },
        ),
        migrations.RunSQL(TABLE, BACK),
    ]
