//! The bank that a demonstration does not have: a notice (camt.054.001.08) that the money for every account number that
//! waits has come, from the account that the bidder declared. The treasurer downloads it and imports it like a real one.

use crate::deposit::records::{Declared, Demand};
use crate::deposit::rules::State;
use crate::deposit::store;
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use askama::Template;

#[derive(Template)]
#[template(path = "demo/bank_notice.xml")]
struct BankNotice {
    message: String,
    now: String,
    account: String,
    lines: Vec<Line>,
}

struct Line {
    amount: String,
    /// The same for the same deposit and amount, so that a notice imported twice credits once.
    reference: String,
    from: Declared,
    to: String,
}

impl Line {
    fn of(demand: &Demand) -> Option<Self> {
        let due = demand.outstanding();
        let reference = format!("D{}-{}", demand.id.to_string().get(10..)?, demand.held.0);
        (due > Fen(0) && demand.state == State::Demanded).then(|| Self {
            amount: due.plain(),
            reference,
            from: demand.declared.clone(),
            to: demand.account.to_string(),
        })
    }
}

/// The notice as it stands at `now`.
///
/// # Errors
/// Refused if no account number waits for money; faults of the database.
pub fn write(db: &mut Db, vault: &Vault, now: Moment) -> Result<String, Failure> {
    let none = || Refused::new(409, "demo.refusal.no_money");
    let centre = store::centre_account(db, vault)?.ok_or_else(none)?;
    let lines: Vec<Line> = store::open_demands(db, vault)?.iter().filter_map(Line::of).collect();
    if lines.is_empty() {
        return Err(none().into());
    }
    let notice = BankNotice {
        message: format!("DEMO-{}", now.micros()),
        now: now.rfc3339(),
        account: centre.account.number,
        lines,
    };
    Ok(notice.render().map_err(Fault::from)?)
}
