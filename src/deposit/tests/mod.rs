//! Tests of the deposit room.

mod bank_files;
mod bookkeeping;
mod matching_money;
