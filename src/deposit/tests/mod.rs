//! Tests of the deposit room.

mod acts;
pub mod bank_files;
mod bookkeeping;
mod counter;
mod desk;
mod evidence;
mod matching_money;
mod money_out;
mod words;
