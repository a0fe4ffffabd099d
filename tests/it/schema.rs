//! Two migration folders, one schema: the tables of both databases, and what the queries are compiled against.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use diesel::connection::{Connection as _, SimpleConnection};
use diesel::sqlite::SqliteConnection;
use keystead::db::Db;

use crate::support::app::{lines, tables};
use crate::support::{Database, Engine, TestApp, at_once, on_both};

/// A table: its columns with their types, its primary key, what is unique, and what points elsewhere.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    columns: BTreeMap<String, String>,
    primary_key: Vec<String>,
    unique: BTreeSet<String>,
    indexed: BTreeSet<String>,
    points_to: BTreeSet<String>,
}

/// As diesel writes a type.
fn typed(sql: &str, nullable: bool) -> String {
    let name = match sql.to_ascii_lowercase().as_str() {
        "text" => "Text",
        "bigint" => "BigInt",
        "boolean" => "Bool",
        "blob" | "bytea" => "Binary",
        other => panic!("{other} is no type that both databases have"),
    };
    if nullable { format!("Nullable<{name}>") } else { name.to_owned() }
}

fn read(app: &TestApp, query: &str) -> Vec<Vec<String>> {
    let rows = app.read(|connection| Ok(lines(connection, query)?));
    rows.into_iter().map(|row| row.split('|').map(str::to_owned).collect()).collect()
}

fn sqlite() -> BTreeMap<String, Table> {
    let app = TestApp::start(Engine::Sqlite);
    let names = app.read(|connection| Ok(tables(connection)?));
    let asked = |columns: &[&str], of: &str, order: &str| {
        let quoted: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        read(&app, &format!("SELECT {} AS line FROM {of} {order}", quoted.join(" || '|' || ")))
    };
    let mut all = BTreeMap::new();
    for name in names {
        let mut table = Table::default();
        let columns =
            asked(&["name", "type", "notnull", "pk"], &format!("pragma_table_xinfo('{name}')"), "ORDER BY pk");
        for row in columns {
            table.columns.insert(row[0].clone(), typed(&row[1], row[2] == "0"));
            if row[3] != "0" {
                table.primary_key.push(row[0].clone());
            }
        }
        for row in asked(&["name", "unique", "origin", "partial"], &format!("pragma_index_list('{name}')"), "") {
            let sql = "SELECT coalesce(name, 'an expression') AS line FROM pragma_index_info";
            let columns = read(&app, &format!("{sql}('{}') ORDER BY seqno", row[0]));
            let columns = columns.concat().join(", ") + if row[3] == "1" { " partly" } else { "" };
            match (row[1].as_str(), row[2].as_str()) {
                (_, "pk") => {}
                ("1", _) => drop(table.unique.insert(columns)),
                _ => drop(table.indexed.insert(columns)),
            }
        }
        for row in asked(&["from", "table", "to", "on_delete"], &format!("pragma_foreign_key_list('{name}')"), "") {
            table.points_to.insert(format!("{} to {}.{} {}", row[0], row[1], row[2], row[3].to_ascii_lowercase()));
        }
        all.insert(name, table);
    }
    all
}

fn postgres() -> BTreeMap<String, Table> {
    let app = TestApp::start(Engine::Postgres);
    let names = app.read(|connection| Ok(tables(connection)?));
    let mut all = BTreeMap::new();
    for name in names {
        let mut table = Table::default();
        let columns = format!(
            "SELECT column_name || '|' || data_type || '|' || is_nullable AS line FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{name}'"
        );
        for row in read(&app, &columns) {
            table.columns.insert(row[0].clone(), typed(&row[1], row[2] == "YES"));
        }
        let indexes = format!(
            "SELECT i.indisprimary::text || '|' || i.indisunique::text || '|' || \
             (i.indpred IS NOT NULL)::text || '|' || string_agg(coalesce(a.attname, 'an expression'), ', ' ORDER BY k.place) AS line \
             FROM pg_index i JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place) ON TRUE \
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number \
             WHERE i.indrelid = '{name}'::regclass GROUP BY i.indexrelid, i.indisprimary, i.indisunique, i.indpred"
        );
        for row in read(&app, &indexes) {
            let columns = if row[2] == "true" { format!("{} partly", row[3]) } else { row[3].clone() };
            match (row[0].as_str(), row[1].as_str()) {
                ("true", _) => table.primary_key = columns.split(", ").map(str::to_owned).collect(),
                (_, "true") => drop(table.unique.insert(columns)),
                _ => drop(table.indexed.insert(columns)),
            }
        }
        let keys = format!(
            "SELECT a.attname || ' to ' || f.relname || '.' || b.attname || ' ' || \
             CASE c.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'no action' END AS line \
             FROM pg_constraint c JOIN pg_class f ON f.oid = c.confrelid \
             JOIN LATERAL unnest(c.conkey, c.confkey) AS k(ours, theirs) ON TRUE \
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.ours \
             JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.theirs \
             WHERE c.contype = 'f' AND c.conrelid = '{name}'::regclass"
        );
        table.points_to = read(&app, &keys).concat().into_iter().collect();
        all.insert(name, table);
    }
    all
}

/// What diesel's macros say: tables, primary keys, columns.
fn compiled() -> BTreeMap<String, (Vec<String>, BTreeMap<String, String>)> {
    let text = include_str!("../../src/db/schema.rs");
    let mut all = BTreeMap::new();
    for block in text.split("diesel::table! {").skip(1) {
        let block = block.split("\n}").next().unwrap();
        let (head, columns) = block.split_once('{').unwrap();
        let (name, key) = head.trim().split_once(' ').unwrap();
        let key = key.trim_matches(['(', ')', ' ']).split(", ").map(str::to_owned).collect();
        let columns = columns
            .lines()
            .filter_map(|line| line.trim().trim_end_matches(',').split_once(" -> "))
            .map(|(column, kind)| (column.to_owned(), kind.to_owned()))
            .collect();
        all.insert(name.to_owned(), (key, columns));
    }
    all
}

/// Several that open the same empty database at the same moment: all succeed, on one set of tables.
/// Covers: FC-27
fn it_is_opened_by_many_at_once(engine: Engine) {
    for _ in 0..10 {
        let database = Database::new(engine);
        let url = database.url();
        for opened in at_once(8, |_| Db::open(&url).map(drop)) {
            opened.expect("it opens");
        }
    }
}

on_both!(it_is_opened_by_many_at_once);

/// Somebody else is busy with the new file for a moment, as another process that starts is: that is waited for.
/// Covers: FC-07, FC-27
#[test]
fn a_busy_file_is_waited_for() {
    for busy in ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE", "BEGIN; SELECT count(*) FROM sqlite_master"] {
        let database = Database::new(Engine::Sqlite);
        let url = database.url();
        let mut other = SqliteConnection::establish(url.trim_start_matches("sqlite:")).unwrap();
        other.batch_execute("CREATE TABLE mark (id INTEGER); DROP TABLE mark").unwrap();
        other.batch_execute(busy).unwrap();
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| Db::open(&url).map(drop));
            std::thread::sleep(Duration::from_millis(500));
            other.batch_execute("COMMIT").unwrap();
            let opened = opening.join().expect("no thread panics");
            opened.unwrap_or_else(|error| panic!("after {busy}: {error:#}"));
        });
    }
}

#[test]
fn both_databases_have_the_schema_that_queries_are_compiled_against() {
    let (sqlite, postgres) = (sqlite(), postgres());
    assert_eq!(sqlite, postgres);
    let seen: BTreeMap<String, _> =
        sqlite.into_iter().map(|(name, table)| (name, (table.primary_key, table.columns))).collect();
    assert_eq!(seen, compiled());
    assert!(seen.len() >= 12, "{:?}", seen.keys());
}
