"""The current state of records, made by the library's MERGE on DuckDB and on Spark with Delta, against a fold in Python.

A fold reads the rows of a record one after the other, in the order of changes; the MERGE reads them as they arrive. After each
batch both must have the same table, and a second run of the same MERGE must change nothing."""
import decimal
import json
import os
import pathlib
import random
import shutil
import subprocess

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

BUILD = pathlib.Path(os.environ["SFCDC_BUILD"])
SEED = int(os.environ.get("SFCDC_SEED", "1"))
DELTA = "io.delta:delta-spark_4.1_2.13:4.4.0"  # for the pyspark of requirements.txt
SNAPSHOT_SEQUENCE = 2**31 - 1                  # behind each event of the same commit number
ORDER = ("_sf_epoch", "_sf_commit_number", "_sf_sequence_number", "_sf_record_ordinal")
WHOLE = ("CREATE", "UNDELETE", "SNAPSHOT")
ARROW = {"VARCHAR": pyarrow.string(), "STRING": pyarrow.string(), "INT": pyarrow.int32(), "BIGINT": pyarrow.int64(),
         "TIMESTAMPTZ": pyarrow.timestamp("us", "UTC"), "TIMESTAMP": pyarrow.timestamp("us", "UTC"), "DECIMAL(38,2)": pyarrow.decimal128(38, 2),
         "VARCHAR[]": pyarrow.list_(pyarrow.string()), "ARRAY<STRING>": pyarrow.list_(pyarrow.string())}


def schema():
    texts = {"type": "array", "items": "string"}
    symbols = ["CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"]
    members = {"entityName": "string", "recordIds": texts, "changeType": {"type": "enum", "name": "ChangeType", "symbols": symbols}, "changeOrigin": "string",
               "transactionKey": "string", "sequenceNumber": "int", "commitTimestamp": "long", "commitNumber": "long", "commitUser": "string",
               "nulledFields": texts, "diffFields": texts, "changedFields": texts}
    header = {"type": "record", "name": "ChangeEventHeader", "fields": [{"name": name, "type": type_} for name, type_ in members.items()]}
    address = {"type": "record", "name": "Address", "fields": [{"name": "City", "type": ["null", "string"]}]}
    fields = [("Name", "string", "Name"), ("BillingAddress", address, "Address"), ("AnnualRevenue", "double", "Currency"), ("Order", "int", "Integer"), ("Tags__c", "string", "MultiEnum")]
    return json.dumps({"type": "record", "name": "AccountChangeEvent", "namespace": "com.sforce.eventbus", "fields": [{"name": "ChangeEventHeader", "type": header}]
                       + [{"name": name, "type": ["null", type_], "doc": f"Data:{doc}:00N000000000000", "default": None} for name, type_, doc in fields]})


def sql_of(dialect, tmp_path_factory):
    path = tmp_path_factory.mktemp("typed_sql") / "account.avsc"
    path.write_text(schema())
    done = subprocess.run([BUILD / "tests" / "typed_sql", path, dialect, "AnnualRevenue"], stdout=subprocess.PIPE, check=True, timeout=60)
    return json.loads(done.stdout)


class DuckDB:
    """Tables of a DuckDB in memory; `sql` is what the library says."""

    def __init__(self, sql):
        self.sql, self.db = sql, duckdb.connect()

    def begin(self):
        for table in ("history", "batch", "current"):
            self.db.execute(f"DROP TABLE IF EXISTS {table}")
        columns = ", ".join(f"{c['identifier']} {c['type']}" for c in self.sql["columns"])
        self.db.execute(f"CREATE TABLE history ({columns})")
        self.db.execute("CREATE TABLE batch AS FROM history")
        self.db.execute(self.sql["create_current"])

    def arrive(self, rows):
        self.db.execute("DELETE FROM batch")
        self.db.execute("INSERT INTO batch SELECT * FROM rows")
        self.db.execute("INSERT INTO history SELECT * FROM rows")

    def merge(self):
        self.db.execute(self.sql["merge"])

    def current(self):
        found = self.db.execute("FROM current")
        return [dict(zip((d[0] for d in found.description), row, strict=True)) for row in found.fetchall()]


class Delta:
    """Delta tables of a local Spark."""

    def __init__(self, sql, spark, place):
        self.sql, self.spark, self.place, self.files = sql, spark, place, 0

    def begin(self):
        for table in ("history", "current"):
            self.spark.sql(f"DROP TABLE IF EXISTS {table}")
        self.spark.sql(self.sql["create_history"])
        self.spark.sql(self.sql["create_current"])

    def arrive(self, rows):
        self.files += 1
        path = str(self.place / f"{self.files}.parquet")
        pyarrow.parquet.write_table(rows, path)
        self.spark.read.parquet(path).createOrReplaceTempView("batch")
        self.spark.sql("INSERT INTO history SELECT * FROM batch")

    def merge(self):
        self.spark.sql(self.sql["merge"])

    def current(self):
        return [row.asDict() for row in self.spark.table("current").collect()]


@pytest.fixture(scope="module")
def duck(tmp_path_factory):
    return DuckDB(sql_of("duckdb", tmp_path_factory))


@pytest.fixture(scope="module")
def delta(tmp_path_factory):
    if shutil.which("java") is None:
        pytest.skip("there is no java")
    place = tmp_path_factory.mktemp("delta")
    from pyspark.sql import SparkSession

    options = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.sql.shuffle.partitions": "1",
               "spark.jars.packages": DELTA, "spark.jars.ivy": BUILD / "interop" / "ivy", "spark.sql.warehouse.dir": place / "warehouse",
               "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension", "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
               "spark.sql.sources.default": "delta", "spark.sql.session.timeZone": "UTC", "spark.databricks.delta.snapshotPartitions": "1",
               "spark.log.level": "ERROR",
               # For rows this few, compiling each query takes far longer than running it.
               "spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
    builder = SparkSession.builder.master("local[2]")
    for name, value in options.items():
        builder = builder.config(name, str(value))
    spark = builder.getOrCreate()
    yield Delta(sql_of("databricks", tmp_path_factory), spark, place)
    spark.stop()


@pytest.fixture
def engine(request):
    return request.getfixturevalue(request.param)


def key(row):
    return tuple(row[name] for name in ORDER)


def fold(rows, fields):
    """The table that a history means, by playing it: {id: row}."""
    out = {}
    for row in sorted((r for r in rows if r["Id"] is not None), key=key):
        change = row["_sf_change_type"]
        if change in ("DELETE", "GAP_DELETE"):
            out.pop(row["Id"], None)
        elif not change.startswith("GAP_"):
            state = out.setdefault(row["Id"], {"Id": row["Id"], **dict.fromkeys(fields), "_sf_complete": False})
            state.update({name: row[name] for name in fields if name in row["_sf_columns_to_update"]})
            state.update({name: row[name] for name in ORDER})
            state["_sf_complete"] |= change in WHOLE
    return out


def by_id(rows):
    out = {row["Id"]: row for row in rows}
    assert len(out) == len(rows), "a record has two rows"
    return out


def table_of(columns, rows):
    return pyarrow.table({c["name"]: pyarrow.array([row.get(c["name"]) for row in rows], ARROW[c["type"]]) for c in columns})


class Histories:
    """Random histories of some records, as the rows that a typed table gets of them."""

    def __init__(self, chance, fields):
        self.random, self.fields, self.number, self.epoch, self.ordinal = chance, fields, 1000, 0, 0

    def value(self, name):
        if self.random.random() < 0.3:
            return None
        if name == "AnnualRevenue":
            return decimal.Decimal(self.random.randrange(-10**9, 10**9)) / 100
        if name == "Order":
            return self.random.randrange(-5, 5)
        if name == "Tags__c":
            return self.random.choices(["a", "b b", "it's", ""], k=self.random.randrange(3))
        return self.random.choice(["", "Acme", "it's", "back\\slash", "Zürich", "`tick` \"quote\""])

    def row(self, record, change, place, names=()):
        out = {"Id": record, "_sf_change_type": change, "_sf_columns_to_update": list(names), **dict(zip(ORDER, place, strict=True))}
        if names:
            out["_sf_columns_to_update"].append("_sf_committed_at")
        # A column that is not listed may hold anything.
        out.update({name: self.value(name) for name in self.fields if name in names or self.random.random() < 0.1})
        return out

    def step(self):
        """The rows of the next transaction."""
        if self.random.random() < 0.02:  # the org moves, and its numbers begin anew
            self.epoch, self.number = self.epoch + 1, self.random.randrange(50)
        self.number += self.random.choice((1, 1, 7))
        out = []
        for sequence in range(1, self.random.choice((2, 2, 4))):
            change = self.random.choices(("CREATE", "UPDATE", "DELETE", "UNDELETE", "SNAPSHOT", "GAP_CREATE", "GAP_UPDATE", "GAP_UNDELETE", "GAP_DELETE", "GAP_OVERFLOW"),
                                         (3, 20, 3, 1, 3, 1, 2, 1, 1, 1))[0]
            place = [self.epoch, self.number, SNAPSHOT_SEQUENCE if change == "SNAPSHOT" else sequence, 0]
            names = self.fields if change in WHOLE else self.random.sample(self.fields, self.random.randrange(len(self.fields) + 1)) if change == "UPDATE" else []
            records = [None] if change == "GAP_OVERFLOW" else self.random.sample(self.records, min(len(self.records), self.random.choice((1, 1, 1, 3))))
            for ordinal, record in enumerate(records):
                out.append(self.row(record, change, [*place[:3], ordinal], names))
                if change.startswith("GAP_") and record is not None and self.random.random() < 0.7:  # what was missed is read again
                    out.append(self.row(record, "SNAPSHOT", [*place[:3], len(records) + ordinal], self.fields))
        return out

    def make(self, records, transactions):
        self.records = [f"001xx{i:010}AAA" for i in range(records)]
        return [row for _ in range(transactions) for row in self.step()]

    def arrivals(self, rows, most):
        """The same rows in at most so many batches: out of order, cut anywhere, some of them twice."""
        rows = rows + self.random.sample(rows, len(rows) // 10)
        if self.random.random() < 0.7:
            self.random.shuffle(rows)
        else:  # nearly in order
            rows.sort(key=lambda row: (*key(row)[:1], key(row)[1] + self.random.randrange(20)))
        for left in range(most - 1, -1, -1):
            n = min(len(rows), self.random.choice((1, len(rows) // 3 + 1, len(rows) // 2 + 1))) if left else len(rows)
            if n:
                yield rows[:n]
            rows = rows[n:]


def check(engine, batches):
    columns = engine.sql["columns"]
    fields = [c["name"] for c in columns if c["is_field"]]
    engine.begin()
    arrived = []
    for batch in batches:
        arrived += batch
        engine.arrive(table_of(columns, batch))
        expected = fold(arrived, fields)
        for run in ("first", "second"):
            engine.merge()
            assert by_id(engine.current()) == expected, f"the {run} MERGE of a batch of {len(batch)} rows"
    return len(expected)


# DuckDB takes milliseconds for a MERGE; Delta takes seconds, so that it has many records in few batches.
@pytest.mark.parametrize("engine, run, records, transactions, most", [*(("duck", run, 1 + 5 * run % 23, 20 + 9 * run, 12) for run in range(12)), ("delta", 100, 200, 800, 2)],
                         indirect=["engine"])
def test_random_histories(engine, run, records, transactions, most):
    histories = Histories(random.Random(f"{SEED}/{run}"), [c["name"] for c in engine.sql["columns"] if c["is_field"]])
    rows = histories.make(records, transactions)
    assert {"UPDATE"} < {row["_sf_change_type"] for row in rows}
    check(engine, histories.arrivals(rows + rows_by_hand(), most))


M = SNAPSHOT_SEQUENCE
ALL = ["Name", "BillingCity", "AnnualRevenue"]
HISTORY = [  # id, name, city, revenue, change, columns to update, epoch, commit, sequence, ordinal
    ("A", "Acme", "Berlin", 10, "SNAPSHOT", ALL, 0, 100, M, 0), ("A", None, "Paris", None, "UPDATE", ["BillingCity"], 0, 101, 1, 0),
    ("A", None, None, None, "UPDATE", ["AnnualRevenue"], 0, 102, 2, 0),  # cleared
    ("A", "Acme2", None, None, "UPDATE", ["Name"], 0, 102, 1, 0),        # of the same transaction, earlier
    ("B", "Bolt", "Rome", 5, "CREATE", ALL, 0, 103, 1, 0), ("B", None, None, None, "DELETE", [], 0, 105, 1, 0),
    ("B", None, "Oslo", None, "UPDATE", ["BillingCity"], 0, 104, 1, 0),  # arrives behind the DELETE
    ("C", "Core", "Bern", 1, "SNAPSHOT", ALL, 0, 100, M, 0), ("C", None, None, None, "DELETE", [], 0, 106, 1, 0),
    ("C", "Core", "Bern", 2, "UNDELETE", ALL, 0, 107, 1, 0),
    ("D", None, "Wien", None, "UPDATE", ["BillingCity"], 0, 108, 1, 0),  # never seen whole
    ("E", "Echo", "Lyon", 7, "SNAPSHOT", ALL, 0, 100, M, 0),
    ("E", None, "Nice", None, "UPDATE", ["BillingCity"], 0, 99, 1, 0),   # older than the snapshot
    ("E", None, None, None, "GAP_UPDATE", [], 0, 109, 1, 0), ("E", "Echo", "Metz", 8, "SNAPSHOT", ALL, 0, 109, 1, 1),
    ("F", "Fox", "Gent", 3, "CREATE", ALL, 0, 900, 1, 0),
    ("F", None, "Brno", None, "UPDATE", ["BillingCity"], 1, 5, 1, 0),    # the next epoch, a smaller number
    ("G", "Gum", "Ulm", 1, "SNAPSHOT", ALL, 0, 100, M, 0), ("G", None, None, None, "GAP_DELETE", [], 0, 110, 1, 0),
    (None, None, None, None, "GAP_OVERFLOW", [], 0, 111, 1, 0)]
CURRENT = [("A", "Acme2", "Paris", None, True, 0, 102, 2, 0), ("C", "Core", "Bern", 2, True, 0, 107, 1, 0), ("D", None, "Wien", None, False, 0, 108, 1, 0),
           ("E", "Echo", "Metz", 8, True, 0, 109, 1, 1), ("F", "Fox", "Brno", 3, True, 1, 5, 1, 0)]


def rows_by_hand():
    return [dict(zip(("Id", *ALL, "_sf_change_type", "_sf_columns_to_update", *ORDER), row, strict=True)) for row in HISTORY]


@pytest.mark.parametrize("engine, batches", [("duck", 1), ("duck", 5)], indirect=["engine"])
def test_a_history_by_hand(engine, batches):
    rows = rows_by_hand()
    random.Random(f"{SEED}/{batches}").shuffle(rows)
    assert check(engine, [rows[i::batches] for i in range(batches)]) == 5
    found = sorted(engine.current(), key=lambda row: row["Id"])
    assert [tuple(row[name] for name in ("Id", *ALL, "_sf_complete", *ORDER)) for row in found] == CURRENT


# A judge that finds nothing may not have looked.
def test_the_judge_sees_what_is_wrong(duck):
    histories = Histories(random.Random(SEED), [c["name"] for c in duck.sql["columns"] if c["is_field"]])
    batches = list(histories.arrivals(histories.make(40, 400), 5))
    right = duck.sql["merge"]
    for part, wrong in (("{v: l.\"Name\"}", "l.\"Name\""), ("s > dead", "true"), (".v AS \"Order\"", ".v + 1 AS \"Order\""), ("'UNDELETE', ", "")):
        if part == "'UNDELETE', ":  # the only whole row of a record
            batches = [[histories.row("001", "UNDELETE", [0, 1, 1, 0], histories.fields)]]
        assert part in right
        judged = DuckDB({**duck.sql, "merge": right.replace(part, wrong)})
        if wrong == "l.\"Name\"":
            judged.sql["merge"] = judged.sql["merge"].replace("'Name')).v", "'Name'))")
        with pytest.raises(AssertionError, match="MERGE of a batch"):
            check(judged, batches)
