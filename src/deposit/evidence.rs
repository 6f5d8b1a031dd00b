//! What an evidence bundle says of a lot's deposits: random ids, amounts and states, and where in the log they are told
//! of. Who paid is not part of it.

use super::rules::State;
use super::store;
use crate::ledger::Subject;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Lot;

/// One deposit as the bundle shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub deposit: String,
    /// What the lot asks for.
    pub amount: Fen,
    /// What came in for it.
    pub credited: Fen,
    pub state: State,
}

/// The deposits of a lot, by id, and the subjects under which the log keeps their entries (`ledger::store::entries_about`
/// with [`Subject::column`]; entries of other kinds under the lot's subject are the caller's to leave out).
///
/// Only for a lot that was opened or ended: before that nobody may learn how many there are.
///
/// # Errors
/// The database fails.
pub fn of_lot(db: &mut Db, vault: &Vault, lot: Id<Lot>) -> Result<(Vec<Line>, Vec<Subject>), Fault> {
    let mut demands = store::of_lot(db, vault, lot)?;
    demands.sort_by_key(|demand| demand.id.to_string());
    let deposits = demands.iter().map(|demand| Subject::sealed(demand.id));
    let subjects = std::iter::once(Subject::sealed(lot)).chain(deposits).collect();
    let lines = demands.iter().map(|demand| Line {
        deposit: demand.id.to_string(),
        amount: demand.amount,
        credited: demand.credited,
        state: demand.state,
    });
    Ok((lines.collect(), subjects))
}
