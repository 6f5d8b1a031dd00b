//! Lists against the computed phase, paging, search.
