//! Certificates in PEM files (RFC 7468).

use super::refusal::Fault;
use std::path::Path;

/// The certificates of a PEM text, DER, in its order; whatever else stands in it is passed over.
pub fn certificates(text: &[u8]) -> Vec<Vec<u8>> {
    let blocks = x509_parser::pem::Pem::iter_from_buffer(text).filter_map(Result::ok);
    blocks.filter(|block| block.label == "CERTIFICATE").map(|block| block.contents).collect()
}

/// The certificates in a PEM file, DER.
///
/// # Errors
/// The file can not be read or holds no certificate; the fault names it.
pub fn read_certificates(file: &Path) -> Result<Vec<Vec<u8>>, Fault> {
    let reading = |fault: Fault| fault.context(format!("reading {}", file.display()));
    let found = certificates(&std::fs::read(file).map_err(|e| reading(e.into()))?);
    if found.is_empty() { Err(reading(Fault::new("no PEM certificate in it"))) } else { Ok(found) }
}
