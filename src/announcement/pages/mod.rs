//! Notices for everybody; writing, checking, signing and amending for the agent; documents for bidders.

mod amend;
mod document;
mod notice;
mod write;

crate::routes! {
    GET "/announcement/{number}" everybody => notice::newest_get;
    GET "/announcement/{number}/write" [Agent] => write::write_get;
    POST "/announcement/{number}/write" [Agent] => write::write_post;
    GET "/announcement/{number}/check" [Agent] => write::check_get;
    POST "/announcement/{number}/check" [Agent] => write::check_post;
    GET "/announcement/{number}/amend" [Agent] => amend::amend_get;
    POST "/announcement/{number}/amend" [Agent] => amend::amend_post;
    POST "/announcement/{number}/amend/publish" [Agent] => amend::publish_post;
    GET "/announcement/{number}/documents" [Agent] => document::list_get;
    POST "/announcement/{number}/documents" [Agent] => document::upload_post;
    GET "/announcement/{number}/version/{version}" everybody => notice::version_get;
    GET "/announcement/{number}/version/{version}/signed.json" everybody => notice::signed_get;
    GET "/announcement/{number}/document/{document}" [Agent Entity] => document::own_get;
    POST "/announcement/{number}/document/{document}" [Bidder] => document::download_post;
    POST "/announcement/{number}/document/{document}/remove" [Agent] => document::remove_post;
}
