//! Home, lists, one tender, the feed, the desk.

mod desk;
mod feed;
mod home;
mod list;
mod tender;

pub use list::PHASES;

crate::routes! {
    GET "/" everybody => home::home_get;
    GET "/tenders" everybody => list::list_get;
    GET "/tenders.csv" everybody => list::csv_get;
    GET "/tender/{number}" everybody => tender::tender_get;
    GET "/feed.atom" everybody => feed::feed_get;
    GET "/desk" signed_in => desk::desk_get;
}
