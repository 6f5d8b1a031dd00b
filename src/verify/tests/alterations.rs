//! One object of the evidence is altered at a time, the table of contents is made to fit, and the verifier must name it.

use serde_json::{Value, json};

use super::lockstep::Order;
use super::lot::{Evidence, at};
use crate::platform::canonical::jcs;
use crate::platform::digest::b64u;
use crate::platform::moment::{Moment, SECOND};
use crate::sealing::boxes::BoxKey;
use crate::verify::findings::Outcome;
use crate::verify::log_check::{CHECKPOINT, entry_path};

fn broken(evidence: &Evidence) -> Vec<String> {
    evidence.verify().broken_lines().map(|line| format!("{} {}", line.check, line.words)).collect()
}

/// Exactly one line is broken, and it says all of `words`.
fn names(evidence: &Evidence, words: &[&str]) {
    let broken = broken(evidence);
    assert_eq!(broken.len(), 1, "{broken:#?}");
    for word in words {
        assert!(broken[0].contains(word), "{word:?} is not in {:?}", broken[0]);
    }
}

fn altered(change: impl FnOnce(&mut Evidence)) -> Evidence {
    let mut evidence = Evidence::honest();
    change(&mut evidence);
    evidence
}

#[test]
fn honest_evidence_holds_in_every_check() {
    let evidence = Evidence::honest();
    let findings = evidence.verify_with(evidence.receipts.clone());
    let text: Vec<String> = findings.lines().iter().map(ToString::to_string).collect();
    assert!(findings.all_hold(), "{text:#?}");
    // this lot's opening record is not published yet
    let absent = findings.lines().iter().filter(|line| line.outcome == Outcome::Absent);
    assert_eq!(absent.map(|line| line.check).collect::<Vec<_>>(), ["record"], "{text:#?}");
    for part in [
        "is the key that you trust",
        "the box was closed at",
        "3 count, 2 more are in the log",
        "10 signed statements and 3 bidders' certificates fit",
        "any 2 of 3 open together",
        "the single bid set has the 3 bids",
        "2 trustees signed",
        "boxes of 3 bids were made again",
        "3 were read out, 3 opened again",
        "9 seats out of 80 candidates, drawn again with the same result, 1 passed on",
        "K = 0.0",
        "8 records, 4 of them in the log, 0 gaps, 6 segments hashed",
        "give the same ranking again",
        "4 deposits, 3,000.00 credited, 1,000.00 given back, 1,000.00 kept",
        "announced, bidding_closed, opened, evaluation_started, evaluated",
    ] {
        assert!(text.iter().any(|line| line.contains(part)), "{part:?} is not in {text:#?}");
    }
}

#[test]
fn a_changed_bid_byte_is_named() {
    let bid = Evidence::honest().bid(1);
    let evidence = altered(|e| e.files.get_mut(&format!("{bid}ciphertext")).unwrap()[500_000] ^= 1);
    let broken = broken(&evidence);
    assert!(
        broken[0].contains("bids bid") && broken[0].contains("not the one that was sealed"),
        "{broken:#?}"
    );
    assert!(broken[1].contains("a segment is not what the key made"), "{broken:#?}");
}

#[test]
fn a_changed_receipt_is_named() {
    let bid = Evidence::honest().bid(0);
    let path = format!("{bid}receipt.tlog-proof");
    let other = Evidence::honest().files[&format!("{}receipt.tlog-proof", Evidence::honest().bid(1))].clone();
    names(&altered(|e| drop(e.files.insert(path.clone(), other))), &["bids", "receipt: ", "another object"]);
    let changed = |e: &mut Evidence| {
        let text = String::from_utf8(e.files[&path].clone()).unwrap();
        let line = text.lines().find(|line| line.starts_with("index ")).unwrap();
        e.files.insert(path.clone(), text.replace(line, "index 3").into_bytes());
    };
    names(&altered(changed), &["bids", "receipt: ", "not under the root"]);
    names(&altered(|e| drop(e.files.remove(&path))), &["receipt is missing"]);
}

#[test]
fn a_changed_order_of_leaves_is_named() {
    let evidence = altered(|e| {
        let paths: Vec<String> =
            e.files.keys().filter(|path| path.starts_with("entries/")).cloned().collect();
        let (first, second) = (paths[1].clone(), paths[2].clone());
        let index = |e: &Evidence, path: &str| -> Value {
            serde_json::from_slice::<Value>(&e.files[path]).unwrap()["index"].clone()
        };
        let (a, b) = (index(e, &first), index(e, &second));
        let bytes = e.files.remove(&second).unwrap();
        let swapped = e.files.insert(first.clone(), bytes).unwrap();
        e.files.insert(second.clone(), swapped);
        e.alter(&first, |doc| doc["index"] = a);
        e.alter(&second, |doc| doc["index"] = b);
    });
    let broken = broken(&evidence);
    assert!(broken[0].contains("entries") && broken[0].contains("it is not in the log at"), "{broken:#?}");
    assert!(broken[1].contains("entries"), "{broken:#?}");
}

#[test]
fn a_changed_share_is_named_with_its_trustee() {
    let path = "opening/single/shares.json";
    let swap = |e: &mut Evidence| {
        e.alter(path, |doc| {
            let other = doc["bids"][1]["reported"][1]["share"].clone();
            doc["bids"][0]["reported"][1]["share"] = other;
        });
    };
    let swapped = broken(&altered(swap));
    assert!(
        swapped.iter().any(|line| line.contains("share of trustee 2 is not the one that was released")),
        "{swapped:#?}"
    );
    // the platform can not invent shares that nobody can hold against the releases
    let kept_back = broken(&altered(|e| e.alter(path, |doc| doc["session"] = Value::Null)));
    assert!(kept_back.iter().any(|line| line.contains("the session's key is missing")), "{kept_back:#?}");
    let another = BoxKey::random().to_bytes().0;
    let another = broken(&altered(|e| e.alter(path, |doc| doc["session"] = json!(b64u(&another)))));
    assert!(
        another.iter().any(|line| line.contains("not the one that the trustees released to")),
        "{another:#?}"
    );
}

#[test]
fn a_changed_release_and_a_changed_trustee_set_are_named() {
    let path = "opening/single/release-2.json";
    let release = broken(&altered(|e| e.alter(path, |doc| doc["closing_size"] = json!("1"))));
    assert!(release[0].contains("releases") && release[0].contains("release-2.json"), "{release:#?}");
    assert!(release[1].contains("share of trustee 2 is not the one that was released"), "{release:#?}");
    let stolen = altered(|e| {
        e.alter("opening/trustees.json", |doc| doc["members"][0]["org"] = json!("Somebody else"));
    });
    names(&stolen, &["trustees", "has not signed this set"]);
}

#[test]
fn a_bid_dropped_from_the_set_is_named() {
    let dropped = altered(|e| {
        e.alter("opening/single/bid-set.json", |doc| drop(doc["bids"].as_array_mut().unwrap().remove(1)));
    });
    names(&dropped, &["opening", "counts and was dropped"]);
}

#[test]
fn a_complete_bidder_who_is_told_as_incomplete_is_found() {
    let closed = |bidders, incomplete| Evidence::in_order(Order::Closed { bidders, incomplete });
    assert!(closed(3, Some(0)).verify().all_hold());
    let lie = closed(2, Some(1));
    names(&lie, &["bids", "tells of 2 bidders and 1 incomplete ones; in the log are 3 and 0"]);
    // evidence from before that was told: the reader learns what was not checked
    let untold = closed(3, None).verify();
    let untold: Vec<String> = untold.lines().iter().map(ToString::to_string).collect();
    assert!(untold.iter().any(|line| line.contains("does not tell how many bidders")), "{untold:#?}");
    // another lot's closing says nothing of this one
    let other = Evidence::in_order(Order::OtherLotClosed);
    names(&other, &["bids", "tells 0 times that the box of this lot was closed"]);
}

#[test]
fn a_bid_dropped_from_the_evidence_altogether_is_found_by_its_receipt() {
    let honest = Evidence::honest();
    let receipt = honest.receipts[1].clone();
    let dropped = altered(|e| {
        let m = hex::encode(receipt.opening.object_hash);
        e.files.retain(|path, _| !path.contains(&m) && *path != entry_path(receipt.index));
    });
    let lines = dropped.verify_with(vec![receipt]);
    let broken: Vec<String> = lines.broken_lines().map(ToString::to_string).collect();
    assert!(broken.iter().any(|line| line.contains("of your receipt was dropped")), "{broken:#?}");
    assert!(
        broken.iter().any(|line| line.contains("does not count: it is not in the log in time")),
        "{broken:#?}"
    );
}

#[test]
fn a_bid_added_after_closing_is_named() {
    let late = altered(|e| {
        e.alter("opening/single/bid-set.json", |doc| {
            let mut extra = doc["bids"][0].clone();
            extra["m"] = json!(crate::platform::digest::b64u(&[255; 32]));
            doc["bids"].as_array_mut().unwrap().push(extra);
        });
    });
    names(&late, &["opening", "does not count"]);
}

#[test]
fn changed_words_of_an_opened_bid_are_named() {
    let bid = Evidence::honest().bid(2);
    let other = altered(|e| e.alter(&format!("{bid}bid.json"), |doc| doc["form"]["price"] = json!("1.00")));
    let broken = broken(&other);
    assert!(broken[0].contains("read-out bid") && broken[0].contains("bid.json"), "{broken:#?}");
}

#[test]
fn a_changed_score_is_named_with_its_member() {
    let evidence = altered(|e| {
        e.alter("evaluation/report.json", |doc| {
            let score = &mut doc["inputs"]["sheets"][2]["scores"][0]["score"];
            *score = json!(if *score == json!("10") { "11" } else { "10" });
        });
    });
    let broken = broken(&evidence);
    assert!(
        broken.iter().any(|line| line.contains("the score sheet of m3 is not the one that was signed")),
        "{broken:#?}"
    );
    assert!(
        broken.iter().any(|line| line.contains("does not follow from the report's inputs")),
        "{broken:#?}"
    );
    assert!(broken.iter().any(|line| line.contains("the log does not hold this report")), "{broken:#?}");
}

#[test]
fn a_changed_rank_and_a_changed_price_are_named() {
    let swapped = altered(|e| {
        e.alter("evaluation/report.json", |doc| {
            doc["result"]["candidates"].as_array_mut().unwrap().reverse()
        });
    });
    assert!(broken(&swapped).iter().any(|line| line.contains("ranking does not follow")));
    let cheaper = altered(|e| {
        e.alter("evaluation/report.json", |doc| doc["inputs"]["bids"][0]["price"] = json!(1));
    });
    let broken = broken(&cheaper);
    assert!(broken.iter().any(|line| line.contains("evaluation")), "{broken:#?}");
}

#[test]
fn a_changed_draw_list_and_a_changed_result_are_named() {
    let path = "draw/experts.json";
    let list =
        altered(|e| e.alter(path, |doc| drop(doc["doc"]["candidates"].as_array_mut().unwrap().remove(3))));
    names(&list, &["draw", "experts.json"]);
    let result = altered(|e| {
        e.alter(path, |doc| doc["result"]["strata"][0]["selected"].as_array_mut().unwrap().swap(0, 1));
    });
    names(&result, &["draw", "not what the documents give"]);
    let coefficient =
        altered(|e| e.alter("draw/coefficient-k.json", |doc| doc["result"]["value"] = json!("0.99")));
    assert!(broken(&coefficient).iter().any(|line| line.contains("draw draw/coefficient-k.json")));
}

#[test]
fn a_draw_of_another_list_with_a_fitting_result_is_named() {
    use crate::expert_draw::draw::{DrawRecord, draw};
    let evidence = altered(|e| {
        let path = "draw/experts.json";
        let mut record: DrawRecord = serde_json::from_slice(&e.files[path]).unwrap();
        record.doc.candidates.remove(3);
        record.result = draw(&record.doc, &record.reveals, &record.public_value).unwrap();
        e.files.insert(path.into(), crate::platform::canonical::jcs(&record));
    });
    names(&evidence, &["draw", "the log does not hold the hash of its document"]);
}

#[test]
fn a_dropped_reveal_and_a_skipped_alternate_are_named() {
    use crate::expert_draw::draw::{DrawRecord, draw};
    let path = "draw/experts.json";
    let evidence = altered(|e| {
        let mut record: DrawRecord = serde_json::from_slice(&e.files[path]).unwrap();
        record.reveals.pop_first();
        record.result = draw(&record.doc, &record.reveals, &record.public_value).unwrap();
        e.files.insert(path.into(), crate::platform::canonical::jcs(&record));
    });
    names(&evidence, &["draw", "its reveals are not those of the log"]);
    let evidence = altered(|e| {
        let mut record: DrawRecord = serde_json::from_slice(&e.files[path]).unwrap();
        record.public_value = record.doc.public.value("01 07 12 18 25 31 + 09").unwrap();
        record.result = draw(&record.doc, &record.reveals, &record.public_value).unwrap();
        e.files.insert(path.into(), crate::platform::canonical::jcs(&record));
    });
    names(&evidence, &["draw", "its public value is not the one of the log"]);
}

#[test]
fn altered_segments_are_named() {
    let media: Vec<String> =
        Evidence::honest().files.keys().filter(|path| path.starts_with("media/")).cloned().collect();
    let edited = altered(|e| e.files.get_mut(&media[0]).unwrap()[100] ^= 1);
    names(&edited, &["recording", "the bytes were edited"]);
    let swapped = altered(|e| {
        let (a, b) = (e.files[&media[0]].clone(), e.files[&media[1]].clone());
        e.files.insert(media[0].clone(), b);
        e.files.insert(media[1].clone(), a);
    });
    assert!(broken(&swapped).iter().any(|line| line.contains("swapped with")));

    let records = |e: &mut Evidence, change: fn(&mut Vec<String>)| {
        let path = "recording/track-1.jsonl";
        let text = String::from_utf8(e.files[path].clone()).unwrap();
        let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
        change(&mut lines);
        e.files.insert(path.into(), lines.concat().into_bytes());
    };
    let dropped = altered(|e| records(e, |lines| drop(lines.remove(3))));
    assert!(broken(&dropped).iter().any(|line| line.contains("the record was dropped")));
    let truncated = altered(|e| records(e, |lines| lines.truncate(6)));
    assert!(broken(&truncated).iter().any(|line| line.contains("the end was cut off")));
    let gone = altered(|e| drop(e.files.remove("recording/track-1.jsonl")));
    names(&gone, &["recording", "track track-1 is missing"]);
}

#[test]
fn a_checkpoint_of_another_size_is_named() {
    let evidence = altered(|e| {
        let text = String::from_utf8(e.files[CHECKPOINT].clone()).unwrap();
        let size = text.lines().nth(1).unwrap().to_owned();
        e.files.insert(CHECKPOINT.into(), text.replacen(&size, "9999", 1).into_bytes());
    });
    names(&evidence, &["checkpoint", "does not fit"]);
}

#[test]
fn files_that_belong_to_nobody_are_named() {
    let extra = altered(|e| {
        let signature = e.files[&format!("{}signature.json", e.bid(0))].clone();
        e.files.insert(format!("bids/{}/signature.json", "0".repeat(64)), signature);
    });
    names(&extra, &["bids", "belongs to no bid that counts"]);
}

#[test]
fn signers_of_another_authority_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let other = crate::account::authority::Authority::open(folder.path(), "", super::lot::at(0)).unwrap();
    let evidence = altered(|e| drop(e.files.insert("roots/1.der".into(), other.roots()[0].clone())));
    let broken = broken(&evidence);
    assert_eq!(broken.len(), 13, "{broken:#?}");
    assert!(broken.iter().all(|line| line.starts_with("signatures ")), "{broken:#?}");
    let none = altered(|e| drop(e.files.remove("roots/1.der"))).verify();
    assert!(none.lines().iter().any(|line| line.outcome == Outcome::Absent && line.check == "signatures"));
}

#[test]
fn an_altered_deposit_is_named() {
    let path = "deposits.json";
    let less = altered(|e| {
        e.alter(path, |doc| {
            doc["deposits"][1]["credited"] = json!("900.00");
            doc["totals"]["credited"] = json!("2900.00");
        });
    });
    names(&less, &["deposits", "deposit d2: 900.00 was credited, the log says 1,000.00"]);
    let gone = altered(|e| {
        e.alter(path, |doc| {
            drop(doc["deposits"].as_array_mut().unwrap().remove(1));
            doc["totals"]["credited"] = json!("2000.00");
            doc["totals"]["deposits"] = json!("3");
        });
    });
    names(&gone, &["deposits", "deposit d2 is in the log and was left out"]);
    let state = altered(|e| e.alter(path, |doc| doc["deposits"][1]["state"] = json!("refund_due")));
    names(&state, &["deposits", "d2: the log does not say that it is refund_due"]);
    let sum = altered(|e| e.alter(path, |doc| doc["totals"]["forfeited"] = json!("0.00")));
    names(&sum, &["deposits", "totals are not the sums"]);
}

#[test]
fn an_altered_signed_paper_is_named() {
    let path = "signed/review-2.json";
    let text = altered(|e| e.alter(path, |doc| doc["statement"] = json!("something else")));
    let broken = broken(&text);
    assert!(
        broken[0].contains("signatures") && broken[0].contains("account.refusal.signature"),
        "{broken:#?}"
    );
    assert!(broken[1].contains("the review of m3 is not the one that was signed"), "{broken:#?}");
    let other = Evidence::honest().files["signed/review-1.json"].clone();
    // the paper of somebody else, signed and logged, does not stand for the missing one
    let evidence = altered(|e| drop(e.files.insert(path.into(), other)));
    names(&evidence, &["evaluation", "the review of m3 is not the one that was signed"]);
}

#[test]
fn an_altered_signing_time_of_a_signed_paper_is_named() {
    let path = "signed/review-2.json";
    let honest: Value = serde_json::from_slice(&Evidence::honest().files[path]).unwrap();
    let entered = honest["at"].as_str().unwrap().to_owned();
    // a second later: the certificate was valid then too, so nothing but the log tells
    for later in [1, 3600] {
        let at = Moment::parse(&entered).unwrap().plus(later * SECOND);
        let moved = altered(|e| e.alter(path, |doc| doc["at"] = json!(at)));
        names(&moved, &["signatures", path, &at.rfc3339(), "but the log entered it at", &entered]);
    }
    // the time of another paper's entry is not its own
    let other: Value = serde_json::from_slice(&Evidence::honest().files["signed/review-1.json"]).unwrap();
    names(
        &altered(|e| e.alter(path, |doc| doc["at"] = other["at"].clone())),
        &["signatures", path, "but the log entered it at"],
    );
}

fn first_bid(evidence: &Evidence) -> String {
    let folder = evidence.bid(0);
    b64u(&hex::decode(folder.trim_end_matches('/').rsplit('/').next().unwrap()).unwrap())
}

/// An opening record that reads nothing out and says this of the bid `m`.
pub(super) fn with_record(evidence: &mut Evidence, m: &str, blame: &str, cause: Value) {
    let record = json!({
        "arrivals": [], "bid_set": b64u(&[0; 32]), "bidders": 3, "closed_at": at(0), "closing_root": b64u(&[0; 32]),
        "closing_size": "9", "envelope": "single", "lot": "1", "objections": [], "opened_at": at(60), "opens_at": at(0),
        "read_out": [{
            "bidder": "某公司", "credit_code": "91110000000000000A", "document": null, "form": {}, "leaf": "1", "m": m,
            "not_opened": { "blame": blame, "cause": cause }, "submitted_at": at(-60),
        }],
        "tender": "DEMO-0001", "title": "某项目", "trustees": [], "typ": "sunbid/opening-record/v2",
    });
    evidence.files.insert("opening/single/record.json".into(), jcs(&record));
}

#[test]
fn a_record_that_blames_the_bidder_for_what_its_shares_do_not_show_is_named() {
    let invented = [
        ("bidder", json!("shares_do_not_fit")),
        ("bidder", json!("key_differs")),
        ("bidder", json!({ "box_differs": 2 })),
        ("bidder", json!({ "commitment_differs": 2 })),
        // and the other way round: a bid that its shares open was not kept shut by trustees, and there is no doubt
        ("trustees", json!("shares_missing")),
        ("unsettled", json!("shares_missing")),
    ];
    for (blame, cause) in invented {
        let evidence = altered(|evidence| {
            let m = first_bid(evidence);
            with_record(evidence, &m, blame, cause.clone());
        });
        let named = broken(&evidence).iter().filter(|line| line.starts_with("blame ")).count();
        assert_eq!(named, 1, "{blame} {cause}: {:#?}", broken(&evidence));
    }
    // with one of its two shares false nobody can say anything, and the third could have settled it: that is on who did not come
    let doubtful = |lies: usize, blame: &str, cause: &str, check: &str| {
        let evidence = altered(|evidence| {
            let m = first_bid(evidence);
            evidence.alter("opening/single/shares.json", |doc| {
                let bids = doc["bids"].as_array_mut().unwrap();
                let bid = bids.iter_mut().find(|bid| bid["m"] == m.as_str()).unwrap();
                for report in &mut bid["reported"].as_array_mut().unwrap()[..lies] {
                    report["share"] = json!(b64u(&[[1].as_slice(), &[7; 32]].concat()));
                }
            });
            with_record(evidence, &m, blame, json!(cause));
        });
        broken(&evidence).iter().filter(|line| line.starts_with(check)).count()
    };
    assert_eq!(doubtful(1, "trustees", "shares_missing", "blame "), 0);
    // but the log must say that the agent did not wait for the third
    assert_eq!(doubtful(1, "trustees", "shares_missing", "lost "), 1);
    // with both false the third could not have settled it either: nobody can tell
    assert_eq!(doubtful(2, "unsettled", "shares_missing", "blame "), 0);
    assert_eq!(doubtful(2, "unsettled", "shares_missing", "lost "), 1);
    for (lies, blame, cause) in [
        (1, "bidder", "shares_missing"),
        (1, "bidder", "shares_do_not_fit"),
        (1, "trustees", "key_differs"),
        (1, "unsettled", "shares_missing"),
        (2, "trustees", "shares_missing"),
        (2, "bidder", "shares_do_not_fit"),
    ] {
        assert_eq!(doubtful(lies, blame, cause, "blame "), 1, "{lies} {blame} {cause}");
    }
    // what the shares say nothing about is no matter of this check
    let evidence = altered(|evidence| {
        let m = first_bid(evidence);
        with_record(evidence, &m, "bidder", json!("bidder_key_missing"));
    });
    assert!(broken(&evidence).iter().all(|line| !line.starts_with("blame ")), "{:#?}", broken(&evidence));
}
