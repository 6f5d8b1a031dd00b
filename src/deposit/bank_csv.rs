//! Reader of the plain CSV that a bank without ISO 20022 can deliver: UTF-8, a header line, one movement per line.
//! Good lines are taken; bad lines are listed with their number and reason, so that a clerk can have them corrected.

use super::bank_notice::{
    BadLine, BadNotice, Direction, MOVEMENTS_MAX, Movement, NOTICE_BYTES_MAX, Notice, Payer, Trouble,
    arrival, exact_amount,
};
use csv::{ReaderBuilder, StringRecord};
use std::collections::HashMap;

/// The columns, in any order. The first six must be present, the others may be missing.
pub const COLUMNS: [&str; 11] = [
    "account",
    "paid_to",
    "reference",
    "direction",
    "amount",
    "booked_at",
    "payer_name",
    "payer_account",
    "payer_bank_code",
    "payer_bank_name",
    "remark",
];
const NEEDED: usize = 6;

/// Reads one CSV notice.
pub fn read(bytes: &[u8]) -> Result<Notice, BadNotice> {
    if bytes.len() > NOTICE_BYTES_MAX {
        return Err(BadNotice::at(1, Trouble::of("file_too_large", [&NOTICE_BYTES_MAX])));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| BadNotice::at(1, "not_utf8"))?;
    let mut reader =
        ReaderBuilder::new().flexible(true).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().map_err(|e| BadNotice::at(1, Trouble::of("csv_broken", [&e])))?.clone();
    let places = columns(&header)?;
    let mut notice = Notice::default();
    let mut first_line = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| {
            BadNotice::at(e.position().map_or(1, csv::Position::line), Trouble::of("csv_broken", [&e]))
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        if notice.movements.len() + notice.bad_lines.len() >= MOVEMENTS_MAX {
            return Err(BadNotice::at(line, Trouble::of("too_many_movements", [&MOVEMENTS_MAX])));
        }
        let read = if record.len() == header.len() {
            read_line(&record, &places, line)
        } else {
            Err(Trouble::of("field_count", [&record.len(), &header.len()]))
        };
        match read {
            Ok(movement) => match first_line.insert(movement.key(), line) {
                Some(first) => {
                    let reason = Trouble::of("reference_on_line", [&movement.reference, &first]);
                    notice.bad_lines.push(BadLine { line, reason });
                }
                None => notice.movements.push(movement),
            },
            Err(reason) => notice.bad_lines.push(BadLine { line, reason }),
        }
    }
    Ok(notice)
}

fn columns(header: &StringRecord) -> Result<HashMap<&'static str, usize>, BadNotice> {
    let mut places = HashMap::new();
    for (place, name) in header.iter().enumerate() {
        let Some(known) = COLUMNS.iter().find(|known| **known == name.trim()) else {
            return Err(BadNotice::at(1, Trouble::of("column_unknown", [&name])));
        };
        if places.insert(*known, place).is_some() {
            return Err(BadNotice::at(1, Trouble::of("column_twice", [known])));
        }
    }
    match COLUMNS.iter().take(NEEDED).find(|name| !places.contains_key(**name)) {
        Some(missing) => Err(BadNotice::at(1, Trouble::of("column_missing", [missing]))),
        None => Ok(places),
    }
}

fn read_line(record: &StringRecord, places: &HashMap<&str, usize>, line: u64) -> Result<Movement, Trouble> {
    let field = |name: &str| places.get(name).and_then(|place| record.get(*place)).map_or("", str::trim);
    let needed = |name: &str, chars_max: usize| match field(name) {
        "" => Err(Trouble::of("field_empty", [&name])),
        text => bounded(name, text, chars_max),
    };
    let optional = |name: &str, chars_max: usize| match field(name) {
        "" => Ok(None),
        text => bounded(name, text, chars_max).map(Some),
    };
    let direction = match field("direction") {
        "in" => Direction::In,
        "out" => Direction::Out,
        other => return Err(Trouble::of("direction", [&other])),
    };
    let booked_at = field("booked_at");
    Ok(Movement {
        account: needed("account", 34)?,
        paid_to: needed("paid_to", 34)?,
        reference: needed("reference", 35)?,
        direction,
        amount: exact_amount(field("amount"))?,
        arrival: arrival(booked_at).ok_or_else(|| Trouble::of("not_a_time", [&booked_at]))?,
        payer: Payer {
            name: optional("payer_name", 140)?,
            account: optional("payer_account", 34)?,
            bank_code: optional("payer_bank_code", 35)?,
            bank_name: optional("payer_bank_name", 140)?,
        },
        end_to_end: None,
        remark: optional("remark", 280)?,
        line,
    })
}

fn bounded(name: &str, text: &str, chars_max: usize) -> Result<String, Trouble> {
    if text.chars().any(char::is_control) {
        return Err(Trouble::of("field_control", [&name]));
    }
    if text.chars().count() > chars_max {
        return Err(Trouble::of("field_too_long", [&name, &chars_max]));
    }
    Ok(text.to_string())
}
