//! What may be objected to and until when, the objections and their answers for everybody to read, and the forms of who
//! objects and who answers.

mod form;
mod lot;

crate::routes! {
    GET "/objection/{number}/{lot}" everybody => lot::lot_get;
    GET "/objection/{number}/{lot}/file/{subject}" [Bidder] => form::file_get;
    POST "/objection/{number}/{lot}/file/{subject}" [Bidder] => form::file_post;
    POST "/objection/{number}/{lot}/file/{subject}/check" [Bidder] => form::file_check_post;
    GET "/objection/{number}/{lot}/case/{case}" [Agent Entity] => form::answer_get;
    POST "/objection/{number}/{lot}/case/{case}" [Agent Entity] => form::answer_post;
    POST "/objection/{number}/{lot}/case/{case}/check" [Agent Entity] => form::answer_check_post;
}
