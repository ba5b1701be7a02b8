//! The question "to Arrow": how long does it take from the bytes of events to Arrow arrays of all their columns?
//! This contender is arrow-avro, the Avro reader of arrow-rs, with its defaults (UTF-8 is checked), which appends one event after the
//! other to a RecordBatch. Usage: arrow_avro_peer DATA_FOLDER [EVENTS_A_BATCH...]      default: 1000 100
//!
//! Before anything is timed, the batches are compared with what serde_avro_fast reads from the same events: the number of rows
//! and a sum, which any other contender can compute, too. The sum has 64 bits and wraps around, so that the order does not matter.
//! Over all events and all columns, the header's included, it adds
//!   - for a string, the symbol of an enum, bytes and fixed: the length in bytes;
//!   - for an int or a long, with any logical type (date in days, timestamp-millis in milliseconds): the value, in two's
//!     complement of 64 bits;
//!   - for a double, and a float as a double: its bits as an integer, sign first;
//!   - for a boolean: 1 if it is true;
//!   - for an array: its number of items, and each item;
//!   - for a record: each member;
//!   - for null, also in place of a record: nothing.
//! Both numbers are printed with the measurement, as "rows" and "sum", the latter in 16 hexadecimal digits.
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, RecordBatch};
use arrow_avro::reader::{Decoder, DecoderMode, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, SchemaStore};
use arrow_schema::{DataType, TimeUnit};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::{fmt, fs, hint::black_box, path::Path};

/// Adds one value of an Arrow array to the sum.
fn add_arrow(array: &dyn Array, i: usize, sum: &mut u64) {
    if array.is_null(i) {
        return;
    }
    let mut add = |n: u64| *sum = sum.wrapping_add(n);
    match array.data_type() {
        DataType::Null => {}
        DataType::Utf8 => add(array.as_string::<i32>().value(i).len() as u64),
        DataType::Binary => add(array.as_binary::<i32>().value(i).len() as u64),
        DataType::FixedSizeBinary(size) => add(*size as u64),
        DataType::Boolean => add(array.as_boolean().value(i) as u64),
        DataType::Int32 => add(array.as_primitive::<Int32Type>().value(i) as i64 as u64),
        DataType::Int64 => add(array.as_primitive::<Int64Type>().value(i) as u64),
        DataType::Date32 => add(array.as_primitive::<Date32Type>().value(i) as i64 as u64),
        DataType::Timestamp(TimeUnit::Millisecond, _) => add(array.as_primitive::<TimestampMillisecondType>().value(i) as u64),
        DataType::Timestamp(TimeUnit::Microsecond, _) => add(array.as_primitive::<TimestampMicrosecondType>().value(i) as u64),
        DataType::Time32(TimeUnit::Millisecond) => add(array.as_primitive::<Time32MillisecondType>().value(i) as i64 as u64),
        DataType::Float32 => add(f64::from(array.as_primitive::<Float32Type>().value(i)).to_bits()),
        DataType::Float64 => add(array.as_primitive::<Float64Type>().value(i).to_bits()),
        DataType::Dictionary(_, _) => {
            let symbols = array.as_dictionary::<Int32Type>();
            add_arrow(symbols.values(), symbols.keys().value(i) as usize, sum);
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(i);
            add(items.len() as u64);
            (0..items.len()).for_each(|item| add_arrow(&items, item, sum));
        }
        DataType::Struct(_) => array.as_struct().columns().iter().for_each(|member| add_arrow(member, i, sum)),
        DataType::Union(_, _) => {
            let union = array.as_union();
            add_arrow(union.child(union.type_id(i)), union.value_offset(i), sum);
        }
        other => panic!("a type without a rule for the sum: {other}"),
    }
}

/// Adds a value that serde_avro_fast reads to the same sum.
struct Adder<'a>(&'a mut u64);

impl Adder<'_> {
    fn add<E>(self, n: u64) -> Result<(), E> {
        *self.0 = self.0.wrapping_add(n);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Adder<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Adder<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
    fn visit_bool<E>(self, v: bool) -> Result<(), E> {
        self.add(v as u64)
    }
    fn visit_i32<E>(self, v: i32) -> Result<(), E> {
        self.add(v as i64 as u64)
    }
    fn visit_i64<E>(self, v: i64) -> Result<(), E> {
        self.add(v as u64)
    }
    fn visit_f32<E>(self, v: f32) -> Result<(), E> {
        self.add(f64::from(v).to_bits())
    }
    fn visit_f64<E>(self, v: f64) -> Result<(), E> {
        self.add(v.to_bits())
    }
    fn visit_str<E>(self, v: &str) -> Result<(), E> {
        self.add(v.len() as u64)
    }
    fn visit_bytes<E>(self, v: &[u8]) -> Result<(), E> {
        self.add(v.len() as u64)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut count = 0;
        while items.next_element_seed(Adder(self.0))?.is_some() {
            count += 1;
        }
        self.add(count)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<serde::de::IgnoredAny>()?.is_some() {
            members.next_value_seed(Adder(self.0))?;
        }
        Ok(())
    }
    fn visit_enum<A: EnumAccess<'de>>(self, branch: A) -> Result<(), A::Error> {
        let (_, value) = branch.variant::<serde::de::IgnoredAny>()?;
        value.newtype_variant_seed(self)
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

/// A decoder of datums without a frame, by a schema that is known at run time.
fn decoder_of(schema: &str, batch: usize) -> Decoder {
    let mut store = SchemaStore::new();
    let fingerprint = store.register(AvroSchema::new(schema.to_string())).expect("schema");
    ReaderBuilder::new()
        .with_writer_schema_store(store)
        .with_active_fingerprint(fingerprint)
        .with_decoder_mode(DecoderMode::UnframedDatum)
        .with_batch_size(batch)
        .build_decoder()
        .expect("decoder")
}

fn decode(decoder: &mut Decoder, events: &[&[u8]], mut each: impl FnMut(RecordBatch)) {
    for event in events {
        assert_eq!(decoder.decode(black_box(event)).expect("event"), event.len());
        if decoder.batch_is_full() {
            each(decoder.flush().expect("batch").expect("rows"));
        }
    }
    if let Some(rest) = decoder.flush().expect("batch") {
        each(rest);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a data folder");
    let mut batches: Vec<usize> = arguments.map(|a| a.parse().expect("events a batch")).collect();
    if batches.is_empty() {
        batches = vec![1000, 100];
    }
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "bin")) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let Some((schema_name, _)) = name.split_once('_') else { continue };
        let json = fs::read_to_string(Path::new(&folder).join(format!("schema_{schema_name}.json"))).unwrap();
        let raw = fs::read(file).unwrap();
        let events = events_of(&raw);
        let schema: serde_avro_fast::Schema = json.parse().expect("schema");
        let mut expected = 0;
        for event in &events {
            let mut state = serde_avro_fast::de::DeserializerState::from_slice(event, &schema);
            Adder(&mut expected).deserialize(state.deserializer()).expect("event");
        }
        for &size in &batches {
            let mut decoder = decoder_of(&json, size);
            let (mut rows, mut sum) = (0, 0);
            decode(&mut decoder, &events, |batch| {
                rows += batch.num_rows();
                for column in batch.columns() {
                    (0..batch.num_rows()).for_each(|i| add_arrow(column, i, &mut sum));
                }
            });
            assert_eq!((rows, sum), (events.len(), expected), "wrong answer: {name}");
            let mut turns: Vec<f64> = (0..15)
                .map(|_| {
                    let start = cpu_time::ThreadTime::now();
                    decode(&mut decoder, &events, |batch| drop(black_box(batch)));
                    start.elapsed().as_nanos() as f64
                })
                .collect();
            turns.sort_by(f64::total_cmp);
            let bytes: usize = events.iter().map(|e| e.len()).sum();
            lines.push(format!(
                "{{\"what\": \"to Arrow by {size}, arrow-avro\", \"data\": \"{name}\", \"compiler\": \"{}\", \"ns_per_event\": {:.2}, \
                 \"gb_per_second\": {:.4}, \"ratio_to_avro_c\": null, \"rows\": {rows}, \"sum\": \"{sum:016x}\"}}",
                env!("PEER_RUSTC"),
                turns[7] / events.len() as f64,
                bytes as f64 / turns[7]
            ));
        }
    }
    println!("[{}]", lines.join(",\n "));
}
