//! Terms of lots against both rulebooks.

use rust_decimal::Decimal;
use rust_decimal::dec;

use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::money::Fen;
use crate::project::place::{Category, Region};
use crate::project::rulebook::{Method, Rulebook, RulebookId};
use crate::project::terms::*;

fn book(id: &str) -> &'static Rulebook {
    Rulebook::find(&RulebookId::parse(id).unwrap()).unwrap()
}

fn item(points: Decimal) -> ScoredItem {
    ScoredItem {
        name: "施工组织设计".into(),
        guide: String::new(),
        class: ItemClass::Technical,
        kind: ItemKind::Subjective,
        points,
    }
}

fn terms(book: &Rulebook, method: Method) -> Terms {
    let scoring = Scoring { items: vec![item(dec!(40))], ..Scoring::usual(book) };
    Terms {
        typ: TERMS_TYPE.into(),
        budget: Fen(1_000_000_000),
        ceiling: Fen(990_000_000),
        deposit: Fen(20_000_000),
        design: false,
        envelopes: Envelopes::One,
        dual: None,
        method,
        evaluation: scoring.document(book, method),
        committee: CommitteePlan { size: 7, experts: 5 },
        minimum_bidders: 3,
        specialities: vec!["A0801".into()],
    }
}

fn fields(terms: &Terms, book: &Rulebook) -> Vec<&'static str> {
    terms.check(book).err().unwrap_or_default().into_iter().filter_map(|refused| refused.field).collect()
}

#[test]
fn lawful_terms_pass_in_both_systems() {
    let works = book("works-open-2026");
    assert_eq!(fields(&terms(works, Method::WorksBenchmark), works), [] as [&str; 0]);
    let procurement = book("procurement-open-2026");
    assert_eq!(fields(&terms(procurement, Method::GpComprehensive), procurement), [] as [&str; 0]);
}

#[test]
fn a_method_of_the_other_law_is_refused() {
    let works = book("works-open-2026");
    assert_eq!(fields(&terms(works, Method::GpComprehensive), works), ["method"]);
}

#[test]
fn every_number_out_of_bounds_is_named_at_once() {
    let works = book("works-open-2026");
    let bad = Terms {
        deposit: Fen(20_000_001),
        ceiling: Fen(1_000_000_001),
        committee: CommitteePlan { size: 6, experts: 3 },
        minimum_bidders: 2,
        ..terms(works, Method::WorksBenchmark)
    };
    let named = fields(&bad, works);
    assert_eq!(named, ["deposit", "ceiling", "committee_size", "committee_experts", "minimum_bidders"]);
}

#[test]
fn a_large_procurement_refuses_five_members() {
    let procurement = book("procurement-open-2026");
    let five = Terms {
        committee: CommitteePlan { size: 5, experts: 4 },
        ..terms(procurement, Method::GpComprehensive)
    };
    assert_eq!(fields(&five, procurement), ["committee_size"]);
}

#[test]
fn points_must_add_up_to_a_hundred_exactly() {
    let works = book("works-open-2026");
    let scoring = |points| Scoring { items: vec![item(points)], ..Scoring::usual(works) };
    assert!(scoring(dec!(40)).check(works, Method::WorksBenchmark, false).is_ok());
    let refused = scoring(dec!(39.99)).check(works, Method::WorksBenchmark, false).unwrap_err();
    assert!(refused[0].with.contains(&("sum", "99.99".into())));
    assert!(scoring(dec!(0)).check(works, Method::WorksLowestEvaluated, false).is_ok());
}

#[test]
fn the_price_weight_of_services_is_bounded_lower_than_that_of_goods() {
    let procurement = book("procurement-open-2026");
    let scoring =
        Scoring { price_points: dec!(40), items: vec![item(dec!(60))], ..Scoring::usual(procurement) };
    assert!(scoring.check(procurement, Method::GpComprehensive, false).is_ok());
    let refused = scoring.check(procurement, Method::GpComprehensive, true).unwrap_err();
    assert_eq!(refused[0].key, "project.refusal.price_weight_out_of_bounds");
}

#[test]
fn the_benchmark_document_carries_its_numbers_as_text() {
    let works = book("works-open-2026");
    let scoring = Scoring { floats: vec![dec!(3)], items: vec![item(dec!(40))], ..Scoring::usual(works) };
    let price = scoring.document(works, Method::WorksBenchmark)["price"]["benchmark"].clone();
    assert_eq!(price["weight"], "60");
    assert_eq!(price["base"]["float_down"]["k"]["fixed"]["value"], "0.03");
    assert_eq!(price["deviation"]["below"], "0.5");
    let drawn = Scoring::usual(works).document(works, Method::WorksBenchmark);
    assert_eq!(drawn["price"]["benchmark"]["base"]["float_down"]["k"]["drawn"]["choices"][4], "0.05");
}

#[test]
fn terms_have_one_canonical_form() {
    let works = book("works-open-2026");
    let terms = terms(works, Method::WorksBenchmark);
    let bytes = jcs(&terms);
    assert_eq!(from_jcs::<Terms>(&bytes).unwrap(), terms);
    assert!(from_jcs::<Terms>(&[bytes.as_slice(), b" "].concat()).is_err());
}

#[test]
fn categories_and_regions_are_read_back() {
    for category in Category::ALL {
        assert_eq!(Category::from_code(category.code()), Some(category));
    }
    assert_eq!(Region::find("210200").unwrap().name.zh, "大连市");
    assert!(Region::all().windows(2).all(|pair| pair[0].code < pair[1].code));
}

#[test]
fn a_form_shows_the_numbers_that_its_document_was_written_from() {
    let works = book("works-open-2026");
    let scoring = Scoring {
        price_points: dec!(55),
        items: vec![item(dec!(45))],
        floats: vec![dec!(2), dec!(3.5)],
        above: dec!(0.9),
        below: dec!(0.4),
        trim_from: 7,
        ..Scoring::usual(works)
    };
    assert_eq!(Scoring::of_document(works, &scoring.document(works, Method::WorksBenchmark)), scoring);
    let procurement = book("procurement-open-2026");
    let scoring = Scoring { small: dec!(15), items: vec![item(dec!(70))], ..Scoring::usual(procurement) };
    assert_eq!(
        Scoring::of_document(procurement, &scoring.document(procurement, Method::GpComprehensive)),
        scoring
    );
}
