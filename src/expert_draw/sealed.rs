//! What the room keeps sealed: pools, set-ups, documents, results, and who holds a seat.

use super::coefficient::{CoefficientDoc, CoefficientResult};
use super::draw::{DrawDoc, DrawResult};
use super::eligibility::{DrawList, DrawSalt};
use super::hex_bytes::Hex;
use super::pool::Expert;
use super::store::pools::Pool;
use crate::platform::canonical::jcs;
use crate::platform::id::Id;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A kind of sealed content; its name is bound to the bytes, so that one kind can not stand in for another.
#[derive(Clone, Copy)]
pub struct Drawer(&'static str);

pub const POOL: Drawer = Drawer("expert_draw/pool");
pub const REGISTRY: Drawer = Drawer("expert_draw/registry");
pub const SETUP: Drawer = Drawer("expert_draw/setup");
pub const DOCUMENT: Drawer = Drawer("expert_draw/document");
pub const RESULT: Drawer = Drawer("expert_draw/result");
pub const HOLDER: Drawer = Drawer("expert_draw/holder");

impl Drawer {
    /// Seals `content` in canonical form.
    pub fn put<T: Serialize>(self, vault: &Vault, content: &T) -> Vec<u8> {
        vault.seal(self.0, &jcs(content))
    }

    /// Opens what [`Drawer::put`] sealed.
    ///
    /// # Errors
    /// It was altered, or sealed as something else or with another key.
    pub fn take<T: DeserializeOwned>(self, vault: &Vault, sealed: &[u8]) -> Result<T, Fault> {
        Ok(serde_json::from_slice(&vault.open(self.0, sealed)?)?)
    }
}

/// The keyed tag under which an expert's seats and account are found.
pub fn registry_tag(vault: &Vault, registry_id: &str) -> String {
    vault.tag("expert_draw/registry", &[registry_id.as_bytes()])
}

/// All people of a pool.
pub type People = Vec<Expert>;

/// Everything about a draw that is known at set-up and not public.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "subject", rename_all = "lowercase")]
pub enum Setup {
    Experts(Box<ExpertsSetup>),
    Coefficient { name: String, values: Vec<String> },
}

/// The set-up of a draw of experts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExpertsSetup {
    pub pool: Id<Pool>,
    salt: Hex<32>,
    /// Names or credit codes of the units that were avoided.
    pub avoid_units: Vec<String>,
    /// Registry numbers of those who declared an interest.
    pub declared: BTreeSet<String>,
    pub list: DrawList,
}

impl ExpertsSetup {
    pub fn new(
        pool: Id<Pool>,
        salt: &DrawSalt,
        avoid_units: Vec<String>,
        declared: BTreeSet<String>,
        list: DrawList,
    ) -> Self {
        Self { pool, salt: Hex(*salt.bytes()), avoid_units, declared, list }
    }

    pub fn salt(&self) -> DrawSalt {
        DrawSalt::new(self.salt.0)
    }
}

/// The fixed document of either kind of draw.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant)] // few of them, each read once
pub enum Document {
    Experts(Box<DrawDoc>),
    Coefficient(CoefficientDoc),
}

/// The result of either kind of draw.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    Experts(DrawResult),
    Coefficient(CoefficientResult),
}

/// Who holds a seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub registry_id: String,
    pub name: String,
    pub employer: String,
    pub region: String,
    pub phone: String,
}

impl From<&Expert> for Holder {
    fn from(expert: &Expert) -> Self {
        Self {
            registry_id: expert.registry_id.clone(),
            name: expert.name.clone(),
            employer: expert.employer.clone(),
            region: expert.region.clone(),
            phone: expert.phone.clone(),
        }
    }
}
