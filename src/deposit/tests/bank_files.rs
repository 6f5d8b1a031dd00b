//! What banks send and what we send to banks.

use crate::deposit::bank_notice::{Arrival, BadNotice, Direction, Notice, exact_amount};
use crate::deposit::pain001::{BankAccount, Batch, Transfer, Unwritable};
use crate::deposit::rules::Refusal;
use crate::deposit::{bank_csv, camt054, pain001};
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::Refused;
use crate::platform::web::Lang;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;

const DEPOSITS: &str = include_str!("../../../tests/foreign/iso20022/samples/camt054-deposits.xml");
const PLAIN: &str = include_str!("../../../tests/foreign/iso20022/samples/camt054-plain.xml");
const BROKEN: &str = include_str!("../../../tests/foreign/iso20022/samples/camt054-broken.xml");

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/iso20022")
}

/// Asks xmllint, which is not ours, whether `xml` is valid against the schema called `name`.
pub fn is_valid(name: &str, xml: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message.xml");
    std::fs::write(&file, xml).unwrap();
    let schema = schemas().join(format!("{name}.xsd"));
    let judged = Command::new("xmllint").arg("--noout").arg("--schema").arg(schema).arg(&file).output();
    let judged = judged.expect("xmllint is needed (Debian package libxml2-utils)");
    let valid = judged.status.success();
    assert!(valid || judged.status.code() == Some(3), "xmllint: {}", String::from_utf8_lossy(&judged.stderr));
    valid
}

/// The sentence of a refusal as an English page shows it.
fn english(bad: &BadNotice) -> String {
    Lang::English.refusal(&Refused::from(Refusal::BadFile { line: bad.line, reason: bad.reason.clone() }))
}

fn refusal(xml: &str) -> String {
    english(&camt054::read(xml.as_bytes()).unwrap_err())
}

/// The sample with `from` replaced by `to`, which must occur.
fn altered(from: &str, to: &str) -> String {
    assert!(DEPOSITS.contains(from), "{from}");
    DEPOSITS.replacen(from, to, 1)
}

#[test]
fn a_notice_is_read_to_the_fen_with_payer_time_and_reference() {
    let notice = camt054::read(DEPOSITS.as_bytes()).unwrap();
    assert_eq!(notice.message, "NOTICE-20261102-001");
    let first = &notice.movements[0];
    assert_eq!((first.direction, first.amount), (Direction::In, Fen(18_000_000)));
    assert_eq!(
        (first.account.as_str(), first.paid_to.as_str()),
        ("3300111122223333444", "99880100000000000179")
    );
    assert_eq!(first.reference, "B20261102000001");
    assert_eq!(first.arrival, Arrival::At(Moment::parse("2026-11-02T01:29:59.999999Z").unwrap()));
    assert_eq!(first.payer.name.as_deref(), Some("甬江建设（集团）有限公司 & Co"));
    assert_eq!(first.payer.account.as_deref(), Some("6200987654321001"));
    assert_eq!(first.payer.bank_code.as_deref(), Some("102332001234"));
    assert_eq!(first.remark.as_deref(), Some("投标保证金"));
    assert_eq!(first.line, 16);
}

#[test]
fn a_batch_is_split_and_pending_money_is_only_shown() {
    let notice = camt054::read(DEPOSITS.as_bytes()).unwrap();
    let seen: Vec<_> =
        notice.movements.iter().map(|m| (m.reference.as_str(), m.amount.0, m.direction)).collect();
    assert_eq!(
        seen,
        [
            ("B20261102000001", 18_000_000, Direction::In),
            ("B20261102000002-1", 10_025, Direction::In),
            ("B20261102000002-2", 20_025, Direction::In),
            ("B20261102000003", 5_000_000, Direction::Out),
        ]
    );
    assert_eq!(notice.movements[3].end_to_end.as_deref(), Some("R-0001"));
    assert_eq!(notice.movements[3].arrival, Arrival::At(Moment::parse("2026-11-02T07:00:00Z").unwrap()));
    assert_eq!((notice.not_booked.len(), notice.not_booked[0].status.as_str()), (1, "PDNG"));
}

#[test]
fn a_notice_with_prefixes_and_without_details_is_read() {
    let notice = camt054::read(PLAIN.as_bytes()).unwrap();
    let movement = &notice.movements[0];
    assert_eq!((movement.amount, movement.reference.as_str()), (Fen(1), "777"));
    assert_eq!((movement.paid_to.as_str(), movement.arrival), ("99880100000000000179", Arrival::Unknown));
    assert_eq!(movement.payer, crate::deposit::bank_notice::Payer::default());
}

#[test]
fn the_samples_are_judged_by_the_schema_as_their_names_say() {
    assert!(is_valid("camt.054.001.08", DEPOSITS));
    assert!(is_valid("camt.054.001.08", PLAIN));
    assert!(!is_valid("camt.054.001.08", BROKEN));
    assert!(camt054::read(BROKEN.as_bytes()).is_err());
}

#[test]
fn whatever_the_reader_refuses_for_its_shape_the_schema_refuses_too() {
    for (from, to) in [
        ("<CdtDbtInd>CRDT</CdtDbtInd>", "<CdtDbtInd>CREDIT</CdtDbtInd>"),
        ("<CdtDbtInd>CRDT</CdtDbtInd>", ""),
        ("<NtryRef>1</NtryRef>", "<NtryRef>1</NtryRef><NtryRef>2</NtryRef>"),
        ("<NtryRef>1</NtryRef>", "<EntryReference>1</EntryReference>"),
        ("<AcctSvcrRef>B20261102000001</AcctSvcrRef>", "<AcctSvcrRef></AcctSvcrRef>"),
        ("<Id>N1</Id>", ""),
        ("<Sts><Cd>BOOK</Cd></Sts>", "<Sts/>"),
        ("<MsgId>NOTICE-20261102-001</MsgId>", "<MsgId>N-20261102-000000000000000000000000000000001</MsgId>"),
        (" Ccy=\"CNY\">180000.00", ">180000.00"),
        (">180000.00<", ">180,000.00<"),
        (">180000.00<", ">-180000.00<"),
        ("<DtTm>2026-11-02T09:29:59.999999+08:00</DtTm>", "<DtTm>yesterday</DtTm>"),
    ] {
        let xml = altered(from, to);
        assert!(camt054::read(xml.as_bytes()).is_err(), "{to}");
        assert!(!is_valid("camt.054.001.08", &xml), "{to}");
    }
}

#[test]
fn more_than_two_decimals_are_refused_even_when_they_are_zeros() {
    assert!(refusal(&altered(">180000.00<", ">180000.000<")).contains("at most two decimals"));
    assert!(refusal(&altered(">180000.00<", ">180000.005<")).starts_with("Line 18:"));
    for wrong in [
        "",
        ".",
        "1.",
        ".5",
        "1.234",
        "+1",
        "-1",
        "1e3",
        " 1",
        "1 ",
        "￥1",
        "1,000",
        "0",
        "0.00",
        "100000000001",
    ] {
        assert!(exact_amount(wrong).is_err(), "{wrong}");
    }
    assert_eq!(exact_amount("0.1"), Ok(Fen(10)));
    assert_eq!(exact_amount("100000000000.00"), Ok(Fen(10_000_000_000_000)));
}

#[test]
fn money_in_another_currency_stops_the_file() {
    assert!(refusal(&altered("Ccy=\"CNY\">180000", "Ccy=\"USD\">180000")).contains("the currency is USD"));
}

#[test]
fn a_batch_that_does_not_add_up_stops_the_file() {
    assert!(refusal(&altered(">100.25<", ">100.24<")).contains("do not add up"));
}

#[test]
fn a_reference_that_comes_twice_in_one_file_stops_it() {
    assert!(refusal(&altered("B20261102000003", "B20261102000001")).contains("appears twice"));
    let nameless = altered("<AcctSvcrRef>B20261102000003</AcctSvcrRef>", "");
    assert!(refusal(&nameless).contains("can not be told from its copy"));
}

#[test]
fn entities_doctypes_and_instructions_are_refused() {
    let doctype = DEPOSITS.replacen("<!-- invented data -->", "<!DOCTYPE Document [<!ENTITY a \"aa\">]>", 1);
    assert!(refusal(&doctype).contains("DOCTYPE"));
    assert!(refusal(&altered("投标保证金", "&a;")).contains("entity &a;"));
    assert!(refusal(&altered("<!-- invented data -->", "<?php x ?>")).contains("processing instruction"));
    let read = camt054::read(altered("投标保证金", "&#x6295;&lt;").as_bytes()).unwrap();
    assert_eq!(read.movements[0].remark.as_deref(), Some("投<"));
}

#[test]
fn files_that_are_too_deep_too_large_or_not_utf8_are_refused() {
    let deep = format!("<Document xmlns=\"{}\">{}", camt054::NAMESPACE, "<a>".repeat(100));
    assert!(refusal(&deep).contains("nested too deeply"));
    let large = vec![b' '; 16 * 1024 * 1024 + 1];
    assert!(english(&camt054::read(&large).unwrap_err()).contains("larger than"));
    let mut bytes = DEPOSITS.as_bytes().to_vec();
    bytes[700] = 0xff;
    assert!(english(&camt054::read(&bytes).unwrap_err()).contains("UTF-8"));
    assert!(refusal(&altered("UTF-8", "GB18030")).contains("another encoding"));
    assert!(refusal("").contains("no element"));
    assert!(refusal(&DEPOSITS[..DEPOSITS.len() / 2]).starts_with("Line "));
}

#[test]
fn another_version_of_the_message_is_refused() {
    assert!(refusal(&altered("camt.054.001.08", "camt.054.001.09")).contains("is not in the namespace"));
}

const CSV: &str = "account,paid_to,reference,direction,amount,booked_at,payer_name,payer_account,payer_bank_code,remark\n\
    3300,99880100000000000179,A1,in,180000.00,2026-11-02T09:00:00,\"甬江建设, 有限公司\",6200,102332001234,保证金\n\
    3300,99880100000000000179,A2,in,1.234,2026-11-02,,,,\n\
    3300,99880100000000000179,A1,in,5.00,2026-11-02,,,,\n\
    3300,99880100000000000179,A3,up,5.00,2026-11-02,,,,\n\
    3300,,A4,in,5.00,2026-11-02,,,,\n\
    3300,99880100000000000179,A5,in,5.00,soon,,,,\n\
    3300,99880100000000000179,A6,in\n\
    3300,99880100000000000179,A7,out,7.00,2026-11-02,,,,\n";

#[test]
fn a_csv_takes_good_lines_and_lists_bad_ones_with_line_and_reason() {
    let notice: Notice = bank_csv::read(CSV.as_bytes()).unwrap();
    let good: Vec<_> = notice.movements.iter().map(|m| (m.reference.as_str(), m.line)).collect();
    assert_eq!(good, [("A1", 2), ("A7", 9)]);
    assert_eq!(notice.movements[0].payer.name.as_deref(), Some("甬江建设, 有限公司"));
    let bad: Vec<_> = notice.bad_lines.iter().map(|bad| format!("{}: {}", bad.line, bad.reason)).collect();
    assert_eq!(
        bad,
        [
            "3: amount 1.234",
            "4: reference_on_line A1 2",
            "5: direction up",
            "6: field_empty paid_to",
            "7: not_a_time soon",
            "8: field_count 4 10",
        ]
    );
}

#[test]
fn a_csv_with_a_missing_doubled_or_unknown_column_is_refused() {
    for (header, reason) in [
        ("account,paid_to,reference,direction,amount", "booked_at is missing"),
        ("account,account,paid_to,reference,direction,amount,booked_at", "stands twice"),
        ("account,paid_to,reference,direction,amount,booked_at,colour", "colour is not known"),
    ] {
        assert!(english(&bank_csv::read(header.as_bytes()).unwrap_err()).contains(reason), "{header}");
    }
    let with_bom = format!("\u{feff}{CSV}");
    assert_eq!(bank_csv::read(with_bom.as_bytes()).unwrap(), bank_csv::read(CSV.as_bytes()).unwrap());
}

#[test]
fn the_key_names_the_money_and_the_fingerprint_its_content() {
    let from_xml = camt054::read(DEPOSITS.as_bytes()).unwrap().movements.remove(0);
    let mut again = from_xml.clone();
    again.payer.name = None;
    again.remark = None;
    assert_eq!((again.key(), again.fingerprint()), (from_xml.key(), from_xml.fingerprint()));
    again.amount = Fen(again.amount.0 + 1);
    assert_eq!(again.key(), from_xml.key());
    assert_ne!(again.fingerprint(), from_xml.fingerprint());
    let mut shifted = from_xml.clone();
    shifted.account.push('B');
    shifted.reference.remove(0);
    assert_ne!(shifted.key(), from_xml.key(), "account and reference must not run together");
}

fn bank_account(holder: &str) -> BankAccount {
    BankAccount {
        holder: holder.into(),
        number: "6200987654321001".into(),
        bank_code: "102332001234".into(),
        bank_name: Some("某银行宁波江北支行".into()),
    }
}

fn transfer(end_to_end: &str, fen: i64) -> Transfer {
    let to = bank_account("甬江建设（集团）有限公司 <& Co>");
    Transfer { end_to_end: end_to_end.into(), amount: Fen(fen), to, remark: "退还投标保证金".into() }
}

fn batch(transfers: Vec<Transfer>) -> Batch {
    Batch {
        message: "B-20261105-1".into(),
        created_at: Moment::parse("2026-11-05T02:00:00Z").unwrap(),
        execute_on: "2026-11-06".parse().unwrap(),
        from: bank_account("市公共资源交易中心"),
        transfers,
    }
}

#[test]
fn a_refund_batch_is_valid_against_the_schema_and_sums_to_the_fen() {
    let mut cheap = transfer("R-0002", 1);
    cheap.to.bank_name = None;
    let xml = pain001::write(&batch(vec![transfer("R-0001", 18_000_000), cheap])).unwrap();
    assert!(is_valid("pain.001.001.09", &xml), "{xml}");
    assert_eq!(xml.matches("<CtrlSum>180000.01</CtrlSum>").count(), 2);
    assert_eq!(xml.matches("<NbOfTxs>2</NbOfTxs>").count(), 2);
    assert!(xml.contains("<InstdAmt Ccy=\"CNY\">0.01</InstdAmt>"));
    assert!(xml.contains("<Cd>CNAPS</Cd>") && xml.contains("<MmbId>102332001234</MmbId>"));
    assert!(xml.contains("&lt;&amp; Co&gt;"));
}

#[test]
fn a_batch_that_would_have_to_be_trimmed_is_refused() {
    let refused = |change: fn(&mut Batch)| {
        let mut bad = batch(vec![transfer("R-0001", 100), transfer("R-0002", 100)]);
        change(&mut bad);
        pain001::write(&bad).unwrap_err()
    };
    assert_eq!(refused(|b| b.transfers.clear()), Unwritable::Count);
    assert_eq!(
        refused(|b| b.transfers[1].end_to_end = "R-0001".into()),
        Unwritable::Twice { reference: "R-0001".into() }
    );
    assert_eq!(
        refused(|b| b.transfers[0].amount = Fen(0)),
        Unwritable::Amount { reference: "R-0001".into() }
    );
    assert!(matches!(refused(|b| b.transfers[0].to.bank_code = "12".into()), Unwritable::BankCode { .. }));
    assert!(matches!(refused(|b| b.transfers[0].to.holder = "长".repeat(141)), Unwritable::Text { .. }));
    assert!(matches!(refused(|b| b.transfers[0].remark = "a\u{0}b".into()), Unwritable::Text { .. }));
    assert!(matches!(refused(|b| b.message = String::new()), Unwritable::Text { .. }));
    assert!(matches!(refused(|b| b.from.number = " 1".into()), Unwritable::Text { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_batch_that_is_written_is_valid(
        holders in proptest::collection::vec("\\PC{1,160}", 1..4),
        fen in 1i64..10_000_000_000,
        remark in "\\PC{0,150}",
    ) {
        let transfers = holders.iter().enumerate().map(|(i, holder)| {
            let mut made = transfer(&format!("R-{i}"), fen);
            made.to.holder = holder.clone();
            made.remark = remark.clone();
            made
        }).collect();
        if let Ok(xml) = pain001::write(&batch(transfers)) {
            prop_assert!(is_valid("pain.001.001.09", &xml), "{}", xml);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = camt054::read(&bytes);
        let _ = bank_csv::read(&bytes);
    }

    #[test]
    fn no_damage_to_a_notice_changes_an_amount_unseen(place in 0usize..3000, byte in any::<u8>()) {
        let mut bytes = DEPOSITS.as_bytes().to_vec();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(read) = camt054::read(&bytes) {
            for movement in &read.movements {
                let written = movement.amount.plain();
                let short = written.trim_end_matches('0').trim_end_matches('.');
                prop_assert!(String::from_utf8_lossy(&bytes).contains(short));
            }
        }
    }
}

/// A second judge that is not ours: the Python package `xmlschema`, in the environment that bin/test makes.
#[test]
fn a_validator_in_python_agrees_with_what_is_valid_and_what_is_not() {
    let python = std::env::var("SUNBID_PYTHON").unwrap_or_else(|_| "python3".into());
    let folder = tempfile::tempdir().unwrap();
    let ours = folder.path().join("pain001.xml");
    std::fs::write(&ours, pain001::write(&batch(vec![transfer("R-0001", 18_000_000)])).unwrap()).unwrap();
    let samples = schemas().join("samples");
    let script = schemas().join("../check_xsd.py");
    let judge = |arguments: Vec<PathBuf>| {
        let judged = Command::new(&python).arg(&script).args(arguments).output().expect("python3 is needed");
        let said =
            String::from_utf8_lossy(&judged.stdout).into_owned() + &String::from_utf8_lossy(&judged.stderr);
        assert!(judged.status.success(), "tests/foreign/requirements.txt must be installed: {said}");
    };
    judge(vec![ours, samples.join("camt054-deposits.xml"), samples.join("camt054-plain.xml")]);
    judge(vec!["--invalid".into(), samples.join("camt054-broken.xml")]);
}
