//! Every code that a page or refusal turns into words has its words in both languages.

use crate::deposit::double_entry::Account;
use crate::deposit::matching::Reason;
use crate::deposit::rules::{ForfeitReason, RefundReason, Refusal, Resolution, State};
use crate::platform::refusal::Refused;
use crate::platform::web::Lang;

fn check(key: &str) {
    for lang in [Lang::Chinese, Lang::English] {
        let text = lang.t(key);
        assert!(!text.is_empty() && !text.contains(key), "{key} in {}: {text}", lang.code());
    }
}

#[test]
fn every_code_has_words_in_both_languages() {
    State::ALL.iter().for_each(|s| check(&format!("deposit.state.{}", s.code())));
    Reason::ALL.iter().for_each(|r| check(&format!("deposit.reason.{}", r.code())));
    RefundReason::ALL.iter().for_each(|r| check(&format!("deposit.refund_reason.{}", r.code())));
    ForfeitReason::ALL.iter().for_each(|r| check(&format!("deposit.forfeit_reason.{}", r.code())));
    Resolution::ALL.iter().for_each(|r| check(&format!("deposit.resolution.{}", r.code())));
    Account::ALL.iter().for_each(|a| check(&format!("deposit.ledger.{}", a.code())));
    for cause in ["credited", "suspended", "assigned", "sent_back", "interest", "charge"] {
        check(&format!("deposit.cause.{cause}"));
    }
    for cause in ["refund_ordered", "refunded", "refund_returned", "forfeited"] {
        check(&format!("deposit.cause.{cause}"));
    }
}

#[test]
fn every_refusal_is_a_whole_sentence_in_both_languages() {
    for refusal in Refusal::samples() {
        let refused: Refused = refusal.into();
        check(&refused.key);
        for lang in [Lang::Chinese, Lang::English] {
            let text = lang.refusal(&refused);
            assert!(!text.contains("%{"), "{}: {text}", refused.key);
        }
    }
    check("deposit.refusal.resolution_missing");
}

#[test]
fn every_code_reads_back() {
    assert!(RefundReason::ALL.iter().all(|r| RefundReason::from_code(r.code()) == Some(*r)));
    assert!(ForfeitReason::ALL.iter().all(|r| ForfeitReason::from_code(r.code()) == Some(*r)));
    assert!(Resolution::ALL.iter().all(|r| Resolution::from_code(r.code()) == Some(*r)));
    assert!(Account::ALL.iter().all(|a| Account::from_code(a.code()) == Some(*a)));
}

/// Every trouble that a reader can name, found in its source, so that a new one without words fails here.
#[test]
fn every_trouble_with_a_file_has_its_sentence() {
    let readers = [
        include_str!("../bank_csv.rs"),
        include_str!("../bank_notice.rs"),
        include_str!("../bounded_xml.rs"),
    ];
    let sources = readers.into_iter().chain([include_str!("../camt054.rs")]);
    let mut seen = 0;
    for source in sources {
        for start in ["Trouble::of(\"", "self.bad(\"", "refuse(\"", "(line, \"", "Err(\""] {
            for rest in source.split(start).skip(1) {
                check(&format!("deposit.file.{}", rest.split('"').next().unwrap()));
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "only {seen} found");
}
