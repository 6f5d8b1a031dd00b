//! From pool to list: avoidance, strata, salted ids.

use super::*;
use crate::expert_draw::eligibility::{
    Avoidance, BadConditions, Conditions, DrawSalt, Removal, StratumRule, list_hash, list_of, pool_hash,
    salted_id, unit_key,
};
use crate::expert_draw::pool::{Expert, FormerEmployer, Standing};
use chrono::NaiveDate;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn expert(id: &str, speciality: &str, employer: &str) -> Expert {
    Expert {
        registry_id: id.into(),
        name: format!("专家{id}"),
        specialities: vec![speciality.into()],
        employer: employer.into(),
        region: "210200".into(),
        standing: Standing::Active,
        phone: String::new(),
        former_employers: vec![],
        avoid_units: vec![],
    }
}

fn rule(name: &str, seats: u32, code: &str) -> StratumRule {
    StratumRule { name: name.into(), seats, specialities: vec![code.into()], regions: vec![] }
}

fn conditions() -> Conditions {
    Conditions {
        strata: vec![rule("技术", 2, "A08"), rule("经济", 1, "B")],
        cap: 1,
        worked_years: 3,
        on: day("2026-11-22"),
    }
}

fn salt() -> DrawSalt {
    DrawSalt::new([3; 32])
}

/// The stratum of one expert, or why there is none.
fn outcome(expert: Expert, conditions: &Conditions, avoidance: &Avoidance) -> Result<String, Removal> {
    let id = salt().expert_id(&expert.registry_id);
    let list = list_of(Id::from_bits(1), &[expert], conditions, avoidance, &salt()).unwrap();
    match (list.candidates.as_slice(), list.removed.as_slice()) {
        ([candidate], []) => {
            assert_eq!(candidate.id, id);
            Ok(candidate.stratum.clone())
        }
        ([], [removed]) => {
            assert_eq!(removed.id, id);
            Err(removed.reason)
        }
        other => panic!("neither taken nor removed once: {other:?}"),
    }
}

#[test]
fn an_expert_belongs_to_the_first_stratum_that_fits() {
    let avoidance = Avoidance::default();
    let mut both = expert("E1", "B02", "甲公司");
    both.specialities.push("A080201".into());
    assert_eq!(outcome(both, &conditions(), &avoidance), Ok("技术".into()));
    assert_eq!(outcome(expert("E1", "B02", "甲公司"), &conditions(), &avoidance), Ok("经济".into()));
    assert_eq!(outcome(expert("E1", "C01", "甲公司"), &conditions(), &avoidance), Err(Removal::NoStratum));
    let mut regional = conditions();
    regional.strata[0].regions = vec!["2101".into(), "37".into()];
    assert_eq!(outcome(expert("E1", "A08", "甲公司"), &regional, &avoidance), Err(Removal::NoStratum));
    regional.strata[0].regions.push("21".into());
    assert_eq!(outcome(expert("E1", "A08", "甲公司"), &regional, &avoidance), Ok("技术".into()));
}

#[test]
fn each_kind_of_avoidance_removes_with_its_reason() {
    let avoidance = Avoidance {
        units: vec!["大连(甲)公司".into()],
        declared: ["E7".to_owned()].into_iter().collect(),
    };
    let with = |change: &dyn Fn(&mut Expert)| {
        let mut expert = expert("E1", "A08", "乙公司");
        change(&mut expert);
        outcome(expert, &conditions(), &avoidance)
    };
    let former =
        |until: &str| vec![FormerEmployer { unit: "大连（甲）公司".into(), until: day(until) }];
    assert_eq!(with(&|_| {}), Ok("技术".into()));
    assert_eq!(with(&|e| e.standing = Standing::Suspended), Err(Removal::NotActive));
    assert_eq!(with(&|e| e.employer = " 大连（甲）公司 ".into()), Err(Removal::Employer));
    assert_eq!(with(&|e| e.avoid_units = vec!["大连(甲)公司".into()]), Err(Removal::Declared));
    assert_eq!(with(&|e| e.registry_id = "E7".into()), Err(Removal::Declared));
    // within three years, the day itself included
    assert_eq!(with(&|e| e.former_employers = former("2023-11-22")), Err(Removal::FormerEmployer));
    assert_eq!(with(&|e| e.former_employers = former("2023-11-21")), Ok("技术".into()));
}

#[test]
fn candidates_and_removed_together_are_the_whole_pool() {
    let mut pool: Vec<Expert> = (0..200)
        .map(|i| expert(&format!("E{i}"), ["A08", "B1", "C"][i % 3], &format!("公司{}", i % 17)))
        .collect();
    pool[5].standing = Standing::Retired;
    let avoidance = Avoidance { units: vec!["公司4".into()], ..Avoidance::default() };
    let list = list_of(Id::from_bits(1), &pool, &conditions(), &avoidance, &salt()).unwrap();
    assert_eq!(list.candidates.len() + list.removed.len(), pool.len());
    assert!(list.candidates.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(list.pool, pool_hash(&pool));
    let text = crate::platform::canonical::jcs_text(&list);
    assert!(
        !text.contains("公司") && !text.contains("专家") && !text.contains("\"E1\""),
        "a list names nobody"
    );
    let again = list_of(Id::from_bits(1), &pool, &conditions(), &avoidance, &salt()).unwrap();
    assert_eq!(list_hash(&list), list_hash(&again));
    pool[0].employer.push('x');
    let other = list_of(Id::from_bits(1), &pool, &conditions(), &avoidance, &salt()).unwrap();
    assert_ne!(list_hash(&list), list_hash(&other));
}

#[test]
fn salted_ids_differ_between_draws_and_are_proved_by_one_salt() {
    let other = DrawSalt::new([4; 32]);
    assert_ne!(salt().expert_id("E1"), other.expert_id("E1"));
    assert_ne!(salt().of_expert("E1"), salt().of_expert("E2"));
    assert_eq!(salted_id(&salt().of_expert("E1"), "E1"), salt().expert_id("E1"));
    assert_ne!(salted_id(&salt().of_expert("E1"), "E2"), salt().expert_id("E2"));
    assert_eq!(salt().group_id("大连 （甲）"), salt().group_id("大连(甲)"));
    assert_eq!(format!("{:?}", salt()), "DrawSalt(..)");
}

#[test]
fn units_are_the_same_whatever_the_width_of_their_letters() {
    assert_eq!(unit_key("ＡＢＣ（中国） 有限公司"), unit_key("abc(中国)有限公司"));
    assert_ne!(unit_key("甲公司"), unit_key("甲公司大连分公司"));
}

#[test]
fn conditions_that_make_no_sense_are_refused() {
    let refuse = |change: &dyn Fn(&mut Conditions)| {
        let mut conditions = conditions();
        change(&mut conditions);
        conditions.check().unwrap_err()
    };
    assert_eq!(refuse(&|c| c.strata.clear()), BadConditions::Strata);
    assert_eq!(refuse(&|c| c.strata[1].name = "技术".into()), BadConditions::Strata);
    assert_eq!(refuse(&|c| c.strata[1].seats = 0), BadConditions::Strata);
    assert_eq!(refuse(&|c| c.strata[1].seats = 98), BadConditions::Strata);
    assert_eq!(refuse(&|c| c.strata[0].specialities.clear()), BadConditions::Specialities("技术".into()));
    assert_eq!(refuse(&|c| c.strata[0].regions = vec!["2".into()]), BadConditions::Regions("技术".into()));
    assert_eq!(refuse(&|c| c.cap = 0), BadConditions::Cap);
    assert_eq!(refuse(&|c| c.worked_years = 31), BadConditions::Years);
    let twice = [expert("E1", "A08", "x"), expert("E1", "A08", "x")];
    let collision = list_of(Id::from_bits(1), &twice, &conditions(), &Avoidance::default(), &salt());
    assert_eq!(collision, Err(BadConditions::Collision));
}
