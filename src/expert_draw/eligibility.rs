//! From the pool to the list that is drawn from: who is removed and why, who belongs to which stratum, and the
//! salted ids under which everybody appears from then on.
//!
//! All removals happen before the draw, by rules that are written in the list itself. Every expert of the pool is
//! either a candidate or removed with one reason, so nobody can be left out silently: the two parts together are
//! as many as the pool, and the supervisor, who can open the salt, can check each line.

use super::draw::{CANDIDATES_MAX, Candidate, Draw, SEATS_MAX, STRATA_MAX, Stratum, is_plain_text};
use super::hex_bytes::Hex;
use super::pool::{Expert, Standing, is_region, is_speciality};
use crate::platform::canonical;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use chrono::{Months, NaiveDate};
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const LIST_LABEL: &[u8] = b"etrade/draw/list/v1\n";
const POOL_LABEL: &[u8] = b"etrade/draw/pool/v1\n";
const SALT_LABEL: &[u8] = b"etrade/draw/salt/v1\n";
const GROUP_LABEL: &[u8] = b"etrade/draw/group/v1\n";
/// Employment that ended longer ago than this can not be asked for.
const WORKED_YEARS_MAX: u32 = 30;
/// Most units and people that one draw may avoid.
const AVOID_MAX: usize = 500;

/// A stratum with the condition of belonging to it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StratumRule {
    pub name: String,
    pub seats: u32,
    /// An expert fits if one of their codes begins with one of these. Codes are hierarchical: `A08` takes
    /// in `A080201`.
    pub specialities: Vec<String>,
    /// An expert fits if their region begins with one of these (2, 4 or 6 digits); empty takes everybody.
    pub regions: Vec<String>,
}

/// The published conditions of one draw.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// An expert belongs to the first stratum whose condition they meet, and to no other.
    pub strata: Vec<StratumRule>,
    /// Most seats for experts of one employer.
    pub cap: u32,
    /// Who worked for an avoided unit within this many years before `on` is removed (三年 in 财库〔2016〕198号).
    pub worked_years: u32,
    /// The day to which "within N years" counts back, Beijing date.
    pub on: NaiveDate,
}

/// Facts about this tender that remove people. Never published: they would name the bidders.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Avoidance {
    /// Names or unified social credit codes of purchaser, agent and, where they may be known, bidders.
    pub units: Vec<String>,
    /// Registry ids of experts who declared an interest, or whose relation was found.
    pub declared: BTreeSet<String>,
}

/// Why an expert is not a candidate. The first that applies, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// The registry has suspended or retired the expert.
    NotActive,
    /// No stratum asks for the expert's speciality and region.
    NoStratum,
    /// The employer is purchaser, agent or bidder.
    Employer,
    /// The expert worked for one of them within the years of the conditions.
    FormerEmployer,
    /// The expert has declared an interest, in general or for this tender.
    Declared,
}

impl Removal {
    /// All reasons, in the order in which they are tried.
    pub const ALL: [Self; 5] =
        [Self::NotActive, Self::NoStratum, Self::Employer, Self::FormerEmployer, Self::Declared];

    /// The cause that is kept with a seat that its holder had to leave because of a bidder, if it is one.
    pub const fn avoidance(self) -> Option<&'static str> {
        match self {
            Self::Employer => Some("avoidance.employer"),
            Self::FormerEmployer => Some("avoidance.former_employer"),
            Self::Declared => Some("avoidance.declared"),
            Self::NotActive | Self::NoStratum => None,
        }
    }

    /// Locale key of the sentence.
    pub const fn key(self) -> &'static str {
        match self {
            Self::NotActive => "expert_draw.removal.not_active",
            Self::NoStratum => "expert_draw.removal.no_stratum",
            Self::Employer => "expert_draw.removal.employer",
            Self::FormerEmployer => "expert_draw.removal.former_employer",
            Self::Declared => "expert_draw.removal.declared",
        }
    }
}

/// A removed expert, under their salted id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removed {
    pub id: Hex<16>,
    pub reason: Removal,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ListTyp {
    #[serde(rename = "etrade/draw-list/v1")]
    V1,
}

/// The list that is logged before anybody commits: who may be drawn, who may not and why, by which rules.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawList {
    pub typ: ListTyp,
    pub draw: Id<Draw>,
    /// [`pool_hash`] of the pool that it was made from.
    pub pool: Hex<32>,
    pub conditions: Conditions,
    /// Strictly ascending by id.
    pub candidates: Vec<Candidate>,
    /// Strictly ascending by id.
    pub removed: Vec<Removed>,
}

/// Why conditions can not be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadConditions {
    #[error("name 1 to {STRATA_MAX} strata, each once, with 1 to {SEATS_MAX} seats in all")]
    Strata,
    #[error("stratum {0} needs speciality codes of letters and digits")]
    Specialities(String),
    #[error("stratum {0}: a region is 2, 4 or 6 digits")]
    Regions(String),
    #[error("the cap per employer must be at least 1")]
    Cap,
    #[error("years back can be at most {WORKED_YEARS_MAX}")]
    Years,
    #[error("more than {AVOID_MAX} units or people to avoid")]
    TooManyToAvoid,
    #[error("the pool is larger than {CANDIDATES_MAX}")]
    PoolTooLarge,
    #[error("two experts came to the same salted id")]
    Collision,
}

impl Conditions {
    /// Checks the conditions on their own.
    pub fn check(&self) -> Result<(), BadConditions> {
        let names: BTreeSet<&str> = self.strata.iter().map(|stratum| stratum.name.as_str()).collect();
        let seats = self.strata.iter().try_fold(0_u32, |sum, stratum| sum.checked_add(stratum.seats));
        let counted = seats.is_some_and(|seats| (1..=SEATS_MAX).contains(&seats));
        let named = names.len() == self.strata.len() && names.iter().all(|name| is_plain_text(name));
        let some_seats = self.strata.iter().all(|stratum| stratum.seats > 0);
        if !(1..=STRATA_MAX).contains(&self.strata.len()) || !named || !counted || !some_seats {
            return Err(BadConditions::Strata);
        }
        for stratum in &self.strata {
            let codes = &stratum.specialities;
            if codes.is_empty() || codes.len() > 50 || !codes.iter().all(|code| is_speciality(code)) {
                return Err(BadConditions::Specialities(stratum.name.clone()));
            }
            let is_part =
                |region: &String| [2, 4, 6].contains(&region.len()) && is_region(&format!("{region:0<6}"));
            if stratum.regions.len() > 50 || !stratum.regions.iter().all(is_part) {
                return Err(BadConditions::Regions(stratum.name.clone()));
            }
        }
        if self.cap == 0 {
            return Err(BadConditions::Cap);
        }
        if self.worked_years > WORKED_YEARS_MAX { Err(BadConditions::Years) } else { Ok(()) }
    }

    /// The strata as the draw document names them.
    pub fn seats(&self) -> Vec<Stratum> {
        self.strata.iter().map(|rule| Stratum { name: rule.name.clone(), seats: rule.seats }).collect()
    }

    /// The published rule of belonging: the first stratum whose condition the expert meets.
    pub fn stratum_of(&self, expert: &Expert) -> Option<&StratumRule> {
        self.strata.iter().find(|rule| {
            let speciality =
                |code: &String| expert.specialities.iter().any(|own| own.starts_with(code.as_str()));
            let region = |part: &String| expert.region.starts_with(part.as_str());
            rule.specialities.iter().any(speciality)
                && (rule.regions.is_empty() || rule.regions.iter().any(region))
        })
    }
}

/// The secret that turns registry ids into salted ids, one per draw, held sealed for the supervisor.
///
/// Each expert has an own salt derived from it, so that the salts of those who served can be published after the
/// award (which proves that they are the ones that were drawn) without unmasking anybody else.
#[derive(Clone)]
pub struct DrawSalt([u8; 32]);

impl DrawSalt {
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The salt of one expert: `HMAC-SHA256(draw salt, "etrade/draw/salt/v1\n" || registry id)`.
    pub fn of_expert(&self, registry_id: &str) -> [u8; 32] {
        self.derive(SALT_LABEL, registry_id)
    }

    /// The id under which an expert appears: the first 16 bytes of `H(salt || registry id)`.
    pub fn expert_id(&self, registry_id: &str) -> Hex<16> {
        salted_id(&self.of_expert(registry_id), registry_id)
    }

    /// The id of an employer, for the cap. Not opened by publishing an expert's salt.
    pub fn group_id(&self, employer: &str) -> Hex<16> {
        first_half(&self.derive(GROUP_LABEL, &unit_key(employer)))
    }

    fn derive(&self, label: &[u8], text: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(label);
        context.update(text.as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// Shows that it is a salt and nothing of it.
impl std::fmt::Debug for DrawSalt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DrawSalt(..)")
    }
}

/// `hex(H(salt || registry id))[:32]` as bytes: what a published salt lets anybody check.
pub fn salted_id(salt: &[u8; 32], registry_id: &str) -> Hex<16> {
    first_half(&sha256(&[salt, registry_id.as_bytes()]))
}

fn first_half(hash: &[u8; 32]) -> Hex<16> {
    let mut out = [0; 16];
    out.copy_from_slice(hash.split_at(16).0);
    Hex(out)
}

/// How units are compared: without spaces, full-width letters and brackets as half-width, capitals as small. Units
/// that differ in anything else are different; a registry that wants certainty writes credit codes.
pub fn unit_key(unit: &str) -> String {
    let half = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => other,
    };
    unit.chars().filter(|c| !c.is_whitespace()).map(half).flat_map(char::to_lowercase).collect()
}

/// Hash of a pool in canonical form, ascending by registry id; entered in the log when a pool is imported.
pub fn pool_hash(experts: &[Expert]) -> Hex<32> {
    Hex(sha256(&[POOL_LABEL, &canonical::jcs(&experts)]))
}

/// Hash of the list; entered in the log before anybody commits, and named in the draw document.
pub fn list_hash(list: &DrawList) -> Hex<32> {
    Hex(sha256(&[LIST_LABEL, &canonical::jcs(list)]))
}

/// Makes the list: applies conditions and avoidance to the whole pool.
pub fn list_of(
    draw: Id<Draw>,
    experts: &[Expert],
    conditions: &Conditions,
    avoidance: &Avoidance,
    salt: &DrawSalt,
) -> Result<DrawList, BadConditions> {
    conditions.check()?;
    if experts.len() > CANDIDATES_MAX {
        return Err(BadConditions::PoolTooLarge);
    }
    if avoidance.units.len() > AVOID_MAX || avoidance.declared.len() > AVOID_MAX {
        return Err(BadConditions::TooManyToAvoid);
    }
    let units: BTreeSet<String> = avoidance.units.iter().map(|unit| unit_key(unit)).collect();
    let mut candidates = Vec::new();
    let mut removed = Vec::new();
    let mut ids = BTreeSet::new();
    for expert in experts {
        let id = salt.expert_id(&expert.registry_id);
        if !ids.insert(id) {
            return Err(BadConditions::Collision);
        }
        match place_of(expert, conditions, avoidance, &units) {
            Ok(stratum) => {
                let group = salt.group_id(&expert.employer);
                candidates.push(Candidate { id, stratum: stratum.name.clone(), group });
            }
            Err(reason) => removed.push(Removed { id, reason }),
        }
    }
    candidates.sort_unstable_by_key(|candidate| candidate.id);
    removed.sort_unstable_by_key(|removed| removed.id);
    let pool = pool_hash(experts);
    Ok(DrawList { typ: ListTyp::V1, draw, pool, conditions: conditions.clone(), candidates, removed })
}

/// The stratum of an expert, or the first reason why there is none.
fn place_of<'a>(
    expert: &Expert,
    conditions: &'a Conditions,
    avoidance: &Avoidance,
    units: &BTreeSet<String>,
) -> Result<&'a StratumRule, Removal> {
    if expert.standing != Standing::Active {
        return Err(Removal::NotActive);
    }
    let stratum = conditions.stratum_of(expert).ok_or(Removal::NoStratum)?;
    match tie_of(expert, units, years_before(conditions.on, conditions.worked_years)) {
        Some((reason, _)) => Err(reason),
        None if avoidance.declared.contains(&expert.registry_id) => Err(Removal::Declared),
        None => Ok(stratum),
    }
}

/// What ties an expert to one of `units` (each as [`unit_key`] writes it), and to which: employment, employment that
/// ended on `since` or later, or an interest that the expert declared to the registry.
pub fn tie_of(expert: &Expert, units: &BTreeSet<String>, since: NaiveDate) -> Option<(Removal, String)> {
    let avoided = |unit: &str| Some(unit_key(unit)).filter(|key| units.contains(key));
    let former = || {
        let recent = expert.former_employers.iter().filter(|former| former.until >= since);
        recent.filter_map(|former| avoided(&former.unit)).next()
    };
    let declared = || expert.avoid_units.iter().find_map(|unit| avoided(unit));
    let employer = avoided(&expert.employer).map(|unit| (Removal::Employer, unit));
    let former = || former().map(|unit| (Removal::FormerEmployer, unit));
    employer.or_else(former).or_else(|| declared().map(|unit| (Removal::Declared, unit)))
}

/// The same day so many years earlier. 12 * 30 months are far inside the calendar; a date that can not be counted back
/// to is never reached.
pub fn years_before(on: NaiveDate, years: u32) -> NaiveDate {
    on.checked_sub_months(Months::new(12 * years)).unwrap_or(NaiveDate::MIN)
}
