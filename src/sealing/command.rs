//! What `sunbid seal` and `sunbid open` do, as functions over files.
