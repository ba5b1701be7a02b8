//! serde_avro_fast: datums of a schema known at run time into a dynamic value that borrows its texts.
//! Usage: serde_avro_fast_peer DATA_FOLDER
use serde::de::{Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::{fmt, fs, hint::black_box, path::Path};

pub enum Value<'a> {
    Null,
    Boolean(bool),
    Long(i64),
    Double(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Array(Vec<Value<'a>>),
    Record(Vec<(&'a str, Value<'a>)>),
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value<'de>;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value<'de>, D::Error> {
        d.deserialize_any(self)
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value<'de>, E> {
        Ok(Value::Boolean(v))
    }
    fn visit_i32<E>(self, v: i32) -> Result<Value<'de>, E> {
        Ok(Value::Long(v.into()))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value<'de>, E> {
        Ok(Value::Long(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value<'de>, E> {
        Ok(Value::Long(v as i64))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value<'de>, E> {
        Ok(Value::Double(v))
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(v))
    }
    // Names of enum symbols live in the schema, not in the payload; their length stands for them.
    fn visit_str<E>(self, v: &str) -> Result<Value<'de>, E> {
        Ok(Value::Long(v.len() as i64))
    }
    fn visit_borrowed_bytes<E>(self, v: &'de [u8]) -> Result<Value<'de>, E> {
        Ok(Value::Bytes(v))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut out = Vec::with_capacity(items.size_hint().unwrap_or(0));
        while let Some(item) = items.next_element()? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let mut out = Vec::with_capacity(members.size_hint().unwrap_or(0));
        while let Some(Key(name)) = members.next_key()? {
            out.push((name, members.next_value()?));
        }
        Ok(Value::Record(out))
    }
    fn visit_enum<A: EnumAccess<'de>>(self, choice: A) -> Result<Value<'de>, A::Error> {
        let (_, variant): (Value<'de>, _) = choice.variant()?;
        variant.newtype_variant()
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Values)
    }
}

/// A field name is not borrowed from the payload: it is taken for its position only.
struct Key(&'static str);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Names;
        impl Visitor<'_> for Names {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_str<E>(self, _: &str) -> Result<Key, E> {
                Ok(Key(""))
            }
        }
        d.deserialize_identifier(Names)
    }
}

fn events_of(raw: &[u8]) -> Vec<&[u8]> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < raw.len() {
        let length = u32::from_le_bytes(raw[at..at + 4].try_into().unwrap()) as usize;
        out.push(&raw[at + 4..at + 4 + length]);
        at += 4 + length;
    }
    out
}

fn main() {
    let folder = std::env::args().nth(1).expect("a data folder");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "bin")) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let Some((schema_name, _)) = name.split_once('_') else { continue };
        let json = fs::read_to_string(Path::new(&folder).join(format!("schema_{schema_name}.json"))).unwrap();
        let schema: serde_avro_fast::Schema = json.parse().expect("schema");
        let raw = fs::read(file).unwrap();
        let events = events_of(&raw);
        for payload in &events {
            let Value::Record(fields) = serde_avro_fast::from_datum_slice(payload, &schema).expect("event") else { panic!() };
            let Value::Record(header) = &fields[0].1 else { panic!("wrong answer") };
            assert!(matches!(header[4].1, Value::Text(key) if !key.is_empty()), "wrong answer");
        }
        let mut turns: Vec<f64> = (0..15)
            .map(|_| {
                let start = cpu_time::ThreadTime::now();
                for payload in &events {
                    let value: Value = serde_avro_fast::from_datum_slice(black_box(payload), &schema).unwrap();
                    black_box(&value);
                }
                start.elapsed().as_nanos() as f64
            })
            .collect();
        turns.sort_by(f64::total_cmp);
        let bytes: usize = events.iter().map(|e| e.len()).sum();
        lines.push(format!(
            "{{\"what\": \"decode, serde_avro_fast\", \"data\": \"{name}\", \"compiler\": \"{}\", \"ns_per_event\": {:.2}, \
             \"gb_per_second\": {:.4}, \"ratio_to_avro_c\": null}}",
            env!("PEER_RUSTC"),
            turns[7] / events.len() as f64,
            bytes as f64 / turns[7]
        ));
    }
    println!("[{}]", lines.join(",\n "));
}
