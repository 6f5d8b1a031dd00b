//! The numbers that a lot's tender documents leave to a draw at the opening: how far each one is.

use super::{Wanted, value_of};
use crate::expert_draw::coefficient::numbers_to_draw;
use crate::expert_draw::rules::Subject as What;
use crate::expert_draw::store::{self, DrawRow, PartyRow};
use crate::platform::database::Db;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::standing::LotFacts;

/// One number and the draw of it that counts.
pub struct NumberDraw {
    pub name: String,
    /// As printed in the tender documents.
    pub choices: Vec<String>,
    /// The newest draw that has not failed, with its parties; `None` while nobody has set one up.
    pub draw: Option<(DrawRow, Vec<PartyRow>)>,
    /// What was drawn.
    pub value: Option<String>,
}

/// The numbers of a lot, in the order of its method document.
///
/// # Errors
/// The database fails.
pub fn number_draws(db: &mut Db, vault: &Vault, lot: &LotFacts) -> Result<Vec<NumberDraw>, Fault> {
    let mut rows = store::draws_of(db, lot.lot)?;
    rows.retain(|row| row.subject == What::Coefficient && row.failed_at.is_none());
    let mut numbers = Vec::new();
    for (name, choices) in numbers_to_draw(&lot.terms.evaluation) {
        let mut draw = None;
        for row in &rows {
            // the newest first
            if Wanted::Number(&name).is_of(db, vault, row)? {
                draw = Some((row.clone(), store::parties(db, row.id)?));
                break;
            }
        }
        let value = match &draw {
            Some((row, _)) => value_of(db, vault, row)?,
            None => None,
        };
        numbers.push(NumberDraw { name, choices, draw, value });
    }
    Ok(numbers)
}
