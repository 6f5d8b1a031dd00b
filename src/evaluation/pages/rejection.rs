//! Why a bid is out, as people read it: the ground, the article, the votes, and what was found.

use super::super::responsiveness::{Ground, Rejection};
use crate::account::page::Page;

/// One reason on a page (`evaluation/_reason.html`).
pub struct ReasonView {
    pub ground: String,
    pub article: String,
    /// Members against, of how many; empty if the rule itself rejects.
    pub votes: String,
    pub words: Vec<String>,
}

impl ReasonView {
    pub fn new(p: &Page, rejection: &Rejection) -> Self {
        let ground = serde_json::to_value(rejection.ground).unwrap_or_default();
        let ground = ground.as_str().unwrap_or_default();
        let votes = if rejection.of == 0 {
            String::new()
        } else {
            p.tvv("evaluation.votes", "against", rejection.against, "of", rejection.of)
        };
        Self {
            ground: p.t(&format!("evaluation.ground.{ground}")),
            article: p.t(&format!("evaluation.article.{}", rejection.article)),
            votes,
            words: rejection.reasons.iter().map(|reason| found(p, rejection, reason)).collect(),
        }
    }
}

/// What the rule found, in a sentence; the members' own words stay as they are.
fn found(p: &Page, rejection: &Rejection, reason: &str) -> String {
    let key = match rejection.ground {
        _ if rejection.of > 0 => return reason.to_owned(),
        Ground::NoDeposit => "evaluation.found.no_deposit",
        Ground::NoPrice => "evaluation.found.no_price",
        Ground::AboveCeiling => "evaluation.found.above_ceiling",
        _ => return reason.to_owned(),
    };
    p.tv(key, "found", reason)
}
