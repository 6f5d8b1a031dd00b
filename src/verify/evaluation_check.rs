//! The evaluation: the report's result computed again from its inputs, and the inputs held against what the log, the
//! opening and the draws say.

use super::container::Archive;
use std::collections::{BTreeMap, BTreeSet};

use super::bundle::Bundle;
use super::findings::Findings;
use super::log_check::Proven;
use super::milestone_check;
use super::opening_check::ReadOut;
use super::signatures_check::SIGNED;
use crate::account::signature::Signed;
use crate::evaluation::price_score::Enterprise;
use crate::evaluation::report::{Conclusion, Report};
use crate::evaluation::ruled_out::{NoPrice, WhyNoPrice, price_said};
use crate::expert_draw::coefficient::CoefficientRecord;
use crate::platform::canonical::{from_jcs, jcs_text};
use crate::platform::digest::sha256;
use crate::platform::money::Fen;
use crate::sealed_bid::rules::ENTERPRISE;
use crate::sealing::bid_document::Form;
use crate::sealing::context::EnvelopeKind;
use serde::Serialize;

/// Path of the evaluation report.
pub const REPORT: &str = "evaluation/report.json";
/// The form field of a bid that holds its price in yuan.
pub const PRICE_FIELD: &str = "price";

/// Checks the evaluation report.
pub fn check<A: Archive>(bundle: &Bundle<A>, proven: &Proven, read_out: &ReadOut, findings: &mut Findings) {
    let Some(bytes) = bundle.document(REPORT) else {
        findings.absent("evaluation", "the bundle has no evaluation report");
        return;
    };
    let report = match Report::from_jcs(bytes) {
        Ok(report) => report,
        Err(error) => {
            findings.broken("evaluation", format!("{REPORT}: {error}"));
            return;
        }
    };
    let inputs = &report.inputs;
    let mut complaints = Vec::new();
    if inputs.tender != bundle.contents.tender || inputs.lot != bundle.contents.lot {
        complaints.push("the report is of another lot".to_owned());
    }
    if !said(proven, bytes) {
        complaints.push("the log does not hold this report".to_owned());
    }
    if !report.holds() {
        complaints.push("the ranking does not follow from the report's inputs".to_owned());
    }
    let unsigned =
        |what: &str, member: &str| format!("the {what} of {member} is not the one that was signed");
    let papers = papers(bundle);
    let secret = papers.is_empty() && !milestone_check::awarded(bundle, proven);
    if secret {
        let words =
            "the members' signatures are withheld until the award; whether they fit could not be checked";
        findings.absent("evaluation", words);
    }
    let reviews = inputs.reviews.iter().filter(|review| !signed(proven, &papers, secret, review));
    complaints.extend(reviews.map(|review| unsigned("review", &review.member)));
    let sheets = inputs.sheets.iter().filter(|sheet| !signed(proven, &papers, secret, sheet));
    complaints.extend(sheets.map(|sheet| unsigned("score sheet", &sheet.member)));
    complaints.extend(prices_first(bundle, proven, &report));
    complaints.extend(prices(&report, read_out));
    complaints.extend(preferences(&report, read_out));
    complaints.extend(drawn(&report, bundle));
    let words = match report.result.conclusion {
        Conclusion::Ranked => format!(
            "{} score sheets and {} bids give the same ranking again, {} first",
            inputs.sheets.len(),
            inputs.bids.len(),
            report.result.candidates.first().map(String::as_str).unwrap_or("nobody")
        ),
        other => format!("the same end again: {other:?}"),
    };
    findings.judge("evaluation", complaints, words);
}

/// Whether the log holds these bytes: as an object, by their hash, or as the text of a signed statement.
fn said(proven: &Proven, bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    proven.names(&sha256(&[bytes])).is_some() || proven.says(text)
}

/// Statements of the signed papers that the bundle brings beside the log.
fn papers<A: Archive>(bundle: &Bundle<A>) -> BTreeSet<String> {
    let read = |bytes| from_jcs::<Signed>(bytes).ok().map(|signed| signed.statement);
    bundle.below(SIGNED).filter_map(|(_, bytes)| read(bytes)).collect()
}

/// Whether a document is the text of a signed statement that the log holds or names. Before the award, while the signed
/// statements are `secret`, that the log names the text must do.
fn signed<T: Serialize>(proven: &Proven, papers: &BTreeSet<String>, secret: bool, document: &T) -> bool {
    let text = jcs_text(document);
    let named = || proven.names(&sha256(&[text.as_bytes()])).is_some();
    proven.says(&text) || ((secret || papers.contains(&text)) && named())
}

/// Where prices are in a second envelope, every score sheet must be in the log before the session that opened the prices.
fn prices_first<A: Archive>(bundle: &Bundle<A>, proven: &Proven, report: &Report) -> Vec<String> {
    let of_prices = |event: &serde_json::Value| {
        event["lot"] == bundle.contents.id.as_str() && event["envelope"] == EnvelopeKind::Commercial.code()
    };
    let mut sessions = proven.events("opening.session_started");
    let Some((opened, _)) = sessions.find(|(_, document)| of_prices(&document.event)) else {
        return Vec::new();
    };
    let first = |text: &str| proven.said_at(text).or_else(|| proven.names(&sha256(&[text.as_bytes()])));
    let sheets = report.inputs.sheets.iter().map(|sheet| (sheet, first(&jcs_text(sheet))));
    let late = sheets.filter(|(_, at)| at.is_some_and(|at| at > opened));
    let words = |member: &str, at: u64| {
        format!("{member} scored at entry {at}, after the prices were opened from entry {opened} on")
    };
    late.map(|(sheet, at)| words(&sheet.member, at.unwrap_or_default())).collect()
}

/// Prices of the report against the forms that were read out, as far as they are in the bundle.
fn prices(report: &Report, read_out: &ReadOut) -> Vec<String> {
    let read: Vec<Fen> = read_out.values().filter_map(|form| Fen::parse(form.get(PRICE_FIELD)?)).collect();
    if read.is_empty() {
        return Vec::new();
    }
    let mut left: BTreeMap<Fen, usize> = BTreeMap::new();
    read.iter().for_each(|price| *left.entry(*price).or_default() += 1);
    let mut strange = Vec::new();
    // a bid is called unpriced only if a form says just that, or did not open
    let said = |no: &NoPrice| {
        matches!(no.why, WhyNoPrice::Revoked | WhyNoPrice::TakenBack)
            || read_out
                .values()
                .any(|form| price_said(form.get(PRICE_FIELD).map(String::as_str)) == Err(no.clone()))
    };
    for bid in &report.inputs.bids {
        if bid.no_price.as_ref().is_some_and(|no| !said(no)) {
            strange.push(format!("bid {}: no sealed bid lacks a price in this way", bid.bid));
        }
    }
    for bid in report.inputs.bids.iter().filter(|bid| bid.no_price.is_none()) {
        match left.get_mut(&bid.price) {
            Some(count) if *count > 0 => *count -= 1,
            _ => {
                strange.push(format!("bid {}: nobody's sealed bid says {} yuan", bid.bid, bid.price.plain()))
            }
        }
    }
    strange
}

/// Preferences of the report against what the forms declare, as far as they are in the bundle.
fn preferences(report: &Report, read_out: &ReadOut) -> Vec<String> {
    if read_out.is_empty() {
        return Vec::new();
    }
    let declared = |class: Enterprise| {
        let says = |form: &&Form| form.get(ENTERPRISE).is_some_and(|word| word == class.code());
        read_out.values().filter(says).count()
    };
    let given = |class| report.inputs.bids.iter().filter(|bid| bid.enterprise == class).count();
    // somebody may declare twice, in both envelopes; nobody is preferred without declaring
    let once =
        read_out.values().filter(|form| form.contains_key(ENTERPRISE)).count() <= report.inputs.bids.len();
    let wrong =
        |class: &Enterprise| given(*class) > declared(*class) || (once && given(*class) < declared(*class));
    [Enterprise::Small, Enterprise::Consortium]
        .into_iter()
        .filter(wrong)
        .map(|class| {
            let (given, declared, word) = (given(class), declared(class), class.code());
            format!("{given} bids are preferred as {word}, but {declared} sealed bids declare it")
        })
        .collect()
}

/// Coefficients of the report against the draws in the bundle.
fn drawn<A: Archive>(report: &Report, bundle: &Bundle<A>) -> Vec<String> {
    let draws: Vec<CoefficientRecord> =
        bundle.below("draw/").filter_map(|(_, bytes)| from_jcs::<CoefficientRecord>(bytes).ok()).collect();
    let mut complaints = Vec::new();
    for (name, value) in &report.inputs.drawn {
        let drawn = draws.iter().find(|record| record.doc.name.eq_ignore_ascii_case(name));
        match drawn {
            Some(record) if record.result.value.parse().ok() == Some(value.0) => {}
            Some(record) => {
                complaints.push(format!("{name} is {value}, but {} was drawn", record.result.value))
            }
            None => complaints.push(format!("{name} is {value}, but no such draw is in the bundle")),
        }
    }
    complaints
}
