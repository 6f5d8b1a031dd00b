//! Refusals that name a technical cause: in Chinese it is told in Chinese, for people; the detail for those who write
//! programs stands in the English sentence.

use crate::platform::database::testing::Engine;
use crate::platform::refusal::Refused;
use crate::platform::web::Lang;
use crate::sealing::error::SealError;
use crate::sealing::release::ReleaseFault;
use crate::tests::browser::Served;
use crate::{account::role::Role, account::testing::TestHouse, opening, recording, sealed_bid};

const DETAIL: &str = "missing field `typ`";

/// Names that are the same in both languages.
const NAMES: [&str; 4] = ["sunbid seal", "MP4", "WebM", "MiB"];

fn told_in_both(refused: &Refused) {
    let chinese = Lang::Chinese.refusal(refused);
    let plain = NAMES.iter().fold(chinese.clone(), |text, name| text.replace(name, ""));
    assert!(!plain.contains(|c: char| c.is_ascii_alphabetic()), "English in a Chinese refusal: {chinese}");
    let english = Lang::English.refusal(refused);
    for sentence in [&chinese, &english] {
        assert!(!sentence.contains('%') && !sentence.contains('_'), "not filled in: {sentence}");
    }
}

#[test]
fn what_is_wrong_with_a_sealed_bid_is_told_in_the_language_of_the_page() {
    let io = std::io::Error::other(DETAIL);
    let causes = [
        SealError::Io(io),
        SealError::Document(DETAIL.into()),
        SealError::Trustees(DETAIL.into()),
        SealError::Stream(DETAIL),
        SealError::Archive(DETAIL.into()),
        SealError::Signature(DETAIL),
        SealError::Key(DETAIL),
    ];
    for cause in causes {
        let refused = Refused::from(sealed_bid::rules::Refusal::from(cause));
        told_in_both(&refused);
        assert!(Lang::English.refusal(&refused).contains(DETAIL));
    }
    for cause in ["file", "form"] {
        told_in_both(&sealed_bid::rules::Refusal::Malformed { cause, why: DETAIL.into() }.into());
    }
}

#[test]
fn what_is_wrong_with_a_release_is_told_in_the_language_of_the_page() {
    use ReleaseFault as F;
    let codes = [F::NoTrustee, F::OtherSet, F::OtherSession, F::Shares, F::Signature].map(ReleaseFault::code);
    for cause in codes.into_iter().chain(["document"]) {
        told_in_both(&opening::rules::Refusal::BadRelease { cause, why: DETAIL.into() }.into());
    }
}

#[test]
fn what_is_wrong_with_a_recording_is_told_in_the_language_of_the_page() {
    for cause in ["empty", "format", "damaged", "no_key_picture"] {
        told_in_both(&recording::rules::Refusal::NotARecording { cause, why: DETAIL.into() }.into());
    }
}

#[test]
fn a_form_that_can_not_be_read_is_refused_in_both_languages_without_english_in_the_chinese_sentence() {
    let served = Served::start(TestHouse::new(Engine::Sqlite));
    let member = served.house.member(Role::Bidder, "bidder");
    let mut browser = served.browser(&member);
    browser.get("/account/key").expect_status(200);
    // the sign-in form without its fields
    let seen = browser.post("/account/sign-in", &[("nothing", "1")]);
    assert_eq!(seen.status, 422);
    let text = seen.text();
    let (_, rest) = text.split_once("refusal-sentence\" lang=\"zh-CN\">").expect("a Chinese sentence");
    let (chinese, _) = rest.split_once("</p>").expect("its end");
    assert!(chinese.contains("缺少应填的内容"), "{chinese}");
    assert!(!chinese.contains(|c: char| c.is_ascii_alphabetic()), "{chinese}");
    assert!(text.contains("missing field"), "the English sentence names the cause");
}
