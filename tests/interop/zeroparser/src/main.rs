//! Databricks' own parser of protobuf rows as a judge: does it read from each row what the row is meant to say?
//!
//! usage: zeroparser_judge [TABLE.json] < FRAMES
//!
//! FRAMES are a 32-bit little-endian length and so many bytes, again and again: first the DescriptorProto of the rows, then for each
//! row its message and a JSON object of what is expected. TABLE.json is an array of columns as Unity Catalog's REST API has
//! them, [{"name", "type_name", "type_json", "position"}…]: with it, the descriptor must be the one that Databricks' SDK makes of the
//! table, and rows are parsed by the latter. Without it, they are parsed by the descriptor of the frames.
//!
//! An expected object has column names as keys; what it does not name, and what is null, must not be in the row.
//!   - numbers are those of the wire: DATE in days, TIMESTAMP in microseconds; doubles are compared bit by bit, and those that
//!     JSON has not are "NaN", "Infinity", "-Infinity";
//!   - BINARY is a string of Base64; an ARRAY is an array, and an empty one is an absent one; a STRUCT is an object;
//!   - {"$json": VALUE} stands for a text that holds this JSON, whatever its spaces and the order of its keys.
//! A key that is no column is a difference, because the parser skips a value without a column without a word.
//!
//! Prints the first differences and the counts. Exit code 0: none; 1: differences; 2: the input is no such input.
use base64::Engine;
use databricks_zerobus_ingest_sdk::schema::{descriptor_from_uc_columns, UcColumn};
use databricks_zerobus_ingest_sdk::zeroparser::{parser::ParsedMessage, types::FieldValueRef, MessageRegistry};
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};
use serde_json::{Map, Value};
use std::io::Read;

const SHOWN: usize = 20;

#[derive(Default)]
struct Account {
    rows: usize,
    values: usize,
    nulls: usize,
    differences: usize,
}

impl Account {
    fn differs(&mut self, place: &str, what: String) {
        self.differences += 1;
        if self.differences <= SHOWN {
            println!("{place}: {what}");
        }
    }
}

fn bad_input(why: impl std::fmt::Display) -> ! {
    eprintln!("zeroparser_judge: {why}");
    std::process::exit(2)
}

fn frames(raw: &[u8]) -> Vec<&[u8]> {
    let (mut out, mut rest) = (Vec::new(), raw);
    while !rest.is_empty() {
        let frame = rest.split_first_chunk::<4>().and_then(|(length, after)| after.split_at_checked(u32::from_le_bytes(*length) as usize));
        let Some((frame, after)) = frame else { bad_input("the last frame is cut") };
        out.push(frame);
        rest = after;
    }
    out
}

/// Whether two JSON values are the same; 1 and 1.0 are.
fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x.is_f64() != y.is_f64() => x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same_json(x, y)),
        (Value::Object(x), Value::Object(y)) => x.len() == y.len() && x.iter().all(|(key, x)| y.get(key).is_some_and(|y| same_json(x, y))),
        _ => a == b,
    }
}

fn double(expected: &Value) -> Option<f64> {
    match expected.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => expected.as_f64(),
    }
}

fn same(value: &FieldValueRef, expected: &Value) -> bool {
    match *value {
        FieldValueRef::String(text) => match expected.get("$json") {
            Some(json) => serde_json::from_str(text).is_ok_and(|parsed: Value| same_json(&parsed, json)),
            None => expected.as_str() == Some(text),
        },
        FieldValueRef::Int32(n) => expected.as_i64() == Some(n.into()),
        FieldValueRef::Int64(n) => expected.as_i64() == Some(n),
        FieldValueRef::UInt32(n) => expected.as_u64() == Some(n.into()),
        FieldValueRef::UInt64(n) => expected.as_u64() == Some(n),
        FieldValueRef::Bool(b) => expected.as_bool() == Some(b),
        FieldValueRef::Float(f) => double(expected).is_some_and(|e| (e as f32).to_bits() == f.to_bits() || (e.is_nan() && f.is_nan())),
        FieldValueRef::Double(f) => double(expected).is_some_and(|e| e.to_bits() == f.to_bits() || (e.is_nan() && f.is_nan())),
        FieldValueRef::Bytes(raw) => {
            expected.as_str().and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok()).as_deref() == Some(raw)
        }
    }
}

struct Judge<'a> {
    table: &'a DescriptorProto,
    account: Account,
}

impl<'a> Judge<'a> {
    fn row(&mut self, place: &str, message: &DescriptorProto, row: &ParsedMessage, expected: &Map<String, Value>) {
        for key in expected.keys().filter(|key| !message.field.iter().any(|f| f.name() == key.as_str())) {
            self.account.differs(place, format!("\"{key}\" is expected, but is no column"));
        }
        for field in &message.field {
            let place = format!("{place}, {}", field.name());
            let wanted = expected.get(field.name()).filter(|value| !value.is_null());
            if field.label() == Label::Repeated {
                self.array(&place, field, row, wanted);
            } else if field.r#type() == Type::Message {
                match (row.get_message(field.number()), wanted) {
                    (None, None) => self.account.nulls += 1,
                    (Some(inner), Some(Value::Object(wanted))) => self.row(&place, self.nested(field), inner, wanted),
                    (inner, _) => self.account.differs(&place, format!("present: {}; expected: {wanted:?}", inner.is_some())),
                }
            } else {
                match (row.get_scalar(field.number()), wanted) {
                    (None, None) => self.account.nulls += 1,
                    (Some(value), Some(wanted)) => self.value(&place, value, wanted),
                    (value, _) => self.account.differs(&place, format!("{value:?}; expected: {wanted:?}")),
                }
            }
        }
    }

    fn value(&mut self, place: &str, value: &FieldValueRef, wanted: &Value) {
        self.account.values += 1;
        if !same(value, wanted) {
            self.account.differs(place, format!("{value:?}; expected: {wanted}"));
        }
    }

    fn array(&mut self, place: &str, field: &FieldDescriptorProto, row: &ParsedMessage, wanted: Option<&Value>) {
        let empty = Vec::new();
        let wanted = match wanted {
            None => &empty,
            Some(Value::Array(items)) => items,
            Some(other) => return self.account.differs(place, format!("an array; expected: {other}")),
        };
        if row.get_map_entries_count(field.number()) > 0 {
            return self.account.differs(place, "a MAP, which this program cannot compare".to_string());
        }
        let (scalars, messages) = (row.get_repeated_scalars(field.number()), row.get_repeated_messages(field.number()));
        if scalars.len() + messages.len() != wanted.len() {
            let found = scalars.len() + messages.len();
            return self.account.differs(place, format!("{found} items; expected: {}", wanted.len()));
        }
        self.account.nulls += wanted.is_empty() as usize;
        for (i, item) in wanted.iter().enumerate() {
            let place = format!("{place}[{i}]");
            match (scalars.get(i), messages.get(i), item) {
                (Some(value), _, item) => self.value(&place, value, item),
                (None, Some(inner), Value::Object(item)) => self.row(&place, self.nested(field), inner, item),
                _ => self.account.differs(&place, format!("a message; expected: {item}")),
            }
        }
    }

    /// The description of a field's message, which both makers of descriptors put into the row's own.
    fn nested(&self, field: &FieldDescriptorProto) -> &'a DescriptorProto {
        let name = field.type_name().rsplit('.').next().unwrap_or_default();
        let found = self.table.nested_type.iter().find(|message| message.name() == name);
        found.unwrap_or_else(|| bad_input(format!("{}: there is no message {name}", field.name())))
    }
}

/// Compares what decides how a row is read: numbers, names, types and labels, and those of messages inside.
fn compare_descriptors(ours: &DescriptorProto, table: &DescriptorProto, account: &mut Account) {
    let shape = |message: &DescriptorProto| -> Vec<String> {
        let line = |of: &str, f: &FieldDescriptorProto| {
            let inner = f.type_name().rsplit('.').next().unwrap_or_default().to_string();
            format!("{of}{} = {} {:?} {:?} {inner}", f.name(), f.number(), f.label(), f.r#type())
        };
        let nested = message.nested_type.iter().flat_map(|n| n.field.iter().map(|f| line(&format!("{}.", n.name()), f)));
        let mut lines: Vec<String> = message.field.iter().map(|f| line("", f)).chain(nested).collect();
        lines.sort();
        lines
    };
    let (ours, table) = (shape(ours), shape(table));
    for line in ours.iter().filter(|line| !table.contains(line)) {
        account.differs("the descriptor", format!("has {line}"));
    }
    for line in table.iter().filter(|line| !ours.contains(line)) {
        account.differs("the descriptor", format!("has not {line}"));
    }
}

fn main() {
    let mut raw = Vec::new();
    std::io::stdin().read_to_end(&mut raw).unwrap_or_else(|why| bad_input(why));
    let frames = frames(&raw);
    let Some((first, rows)) = frames.split_first() else { bad_input("there is no descriptor") };
    let ours = DescriptorProto::decode(*first).unwrap_or_else(|why| bad_input(format!("the first frame is no DescriptorProto: {why}")));
    let mut account = Account::default();
    let table = match std::env::args().nth(1) {
        None => ours.clone(),
        Some(path) => {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|why| bad_input(format!("{path}: {why}")));
            let columns: Vec<UcColumn> = serde_json::from_str::<Vec<Value>>(&text)
                .and_then(|all| all.into_iter().map(serde_json::from_value).collect())
                .unwrap_or_else(|why| bad_input(format!("{path}: {why}")));
            let table = descriptor_from_uc_columns(&columns, ours.name()).unwrap_or_else(|why| bad_input(format!("{path}: {why}")));
            compare_descriptors(&ours, &table, &mut account);
            table
        }
    };
    let registry = MessageRegistry::from_descriptor(&table);
    let mut judge = Judge { table: &table, account };
    if rows.len() % 2 != 0 {
        bad_input("the last row has no expected object");
    }
    for pair in rows.chunks_exact(2) {
        judge.account.rows += 1;
        let place = format!("row {}", judge.account.rows);
        let expected: Map<String, Value> =
            serde_json::from_slice(pair[1]).unwrap_or_else(|why| bad_input(format!("{place}: the expected object: {why}")));
        match ParsedMessage::parse(pair[0], &registry) {
            Ok(row) => judge.row(&place, &table, &row, &expected),
            Err(why) => judge.account.differs(&place, format!("is refused: {why}")),
        }
    }
    let Account { rows, values, nulls, differences } = judge.account;
    println!("{rows} rows, {values} values, {nulls} nulls, {differences} differences");
    std::process::exit((differences > 0) as i32);
}
