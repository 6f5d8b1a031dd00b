//! Time-stamps of a real authority: OpenSSL's.

use crate::ledger::timestamp::{Request, TimestampError, verify};
use crate::platform::pem::read_certificates;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const TEXT: &str = "log.example/main\n7\nAAAA\n";

/// An authority in a folder of its own, made and run by the `openssl` command.
pub(crate) struct StampAuthority {
    folder: tempfile::TempDir,
}

impl StampAuthority {
    pub fn new() -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        let ext = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=critical,timeStamping\n";
        fs::write(authority.file("ext"), ext).unwrap();
        let config = "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\n\
            digests=sha256\naccuracy=secs:1\nordering=yes\ntsa_name=yes\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n";
        fs::write(authority.file("tsa.cnf"), config).unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        authority.openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=Root"));
        authority.openssl(&format!("req {key} -keyout tsa.key -out tsa.csr -subj /CN=Authority"));
        let sign = "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out tsa.pem";
        authority.openssl(&format!("{sign} -extfile ext"));
        authority
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, arguments: &str) -> bool {
        let done = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.folder.path())
            .output()
            .expect("the openssl command");
        let words = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() || arguments.starts_with("ts -verify"), "{arguments}: {words}");
        done.status.success()
    }

    /// Answers a request.
    pub fn answer(&self, request: &[u8]) -> Vec<u8> {
        fs::write(self.file("query"), request).unwrap();
        self.openssl("ts -reply -config tsa.cnf -queryfile query -signer tsa.pem -inkey tsa.key -out reply");
        fs::read(self.file("reply")).unwrap()
    }

    pub fn roots(&self) -> Vec<Vec<u8>> {
        read_certificates(&self.file("ca.pem")).unwrap()
    }

    /// What `openssl ts -verify` thinks of a token over `text`.
    pub fn accepts(&self, token: &[u8], text: &str) -> bool {
        fs::write(self.file("token"), token).unwrap();
        fs::write(self.file("text"), text).unwrap();
        self.openssl("ts -verify -token_in -in token -data text -CAfile ca.pem")
    }
}

#[test]
fn a_stamp_of_openssl_holds_for_us_and_ours_for_openssl() {
    let authority = StampAuthority::new();
    let request = Request::new(TEXT);
    let token = request.token(&authority.answer(&request.to_der())).unwrap();
    let at = verify(&token, TEXT, &authority.roots()).unwrap();
    let off = crate::platform::moment::Clock::real().now().micros() - at.micros();
    assert!(off.abs() < crate::platform::moment::DAY, "stamped {off} microseconds from now");
    assert!(authority.accepts(&token, TEXT));
    assert!(!authority.accepts(&token, "another text\n"));
}

#[test]
fn a_stamp_over_another_text_of_another_authority_or_bent_is_refused() {
    let (authority, stranger) = (StampAuthority::new(), StampAuthority::new());
    let request = Request::new(TEXT);
    let token = request.token(&authority.answer(&request.to_der())).unwrap();
    assert_eq!(verify(&token, "another text\n", &authority.roots()), Err(TimestampError::OtherText));
    assert!(matches!(verify(&token, TEXT, &stranger.roots()), Err(TimestampError::Certificate(_))));
    assert!(matches!(verify(&token, TEXT, &[]), Err(TimestampError::Certificate(_))));
    let whole = verify(&token, TEXT, &authority.roots()).unwrap();
    // every bent byte is refused, or lies where it says nothing (unsigned headers of the container)
    for at in 0..token.len() {
        let mut bent = token.clone();
        bent[at] ^= 1;
        let judged = verify(&bent, TEXT, &authority.roots());
        assert!(judged.is_err() || judged == Ok(whole), "byte {at}");
        assert!(verify(&token[..at], TEXT, &authority.roots()).is_err(), "cut at {at}");
    }
}

#[test]
fn an_answer_to_another_request_or_a_refusal_gives_no_token() {
    let authority = StampAuthority::new();
    let (first, second) = (Request::new(TEXT), Request::new(TEXT));
    let answer = authority.answer(&first.to_der());
    assert_eq!(second.token(&answer), Err(TimestampError::OtherRequest));
    // PKIStatus 2: rejection
    assert_eq!(first.token(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]), Err(TimestampError::Refused(2)));
    for nonsense in [&b""[..], b"\x30", b"\x30\x00", b"\x30\x02\x30\x00", b"hello"] {
        assert_eq!(first.token(nonsense), Err(TimestampError::Malformed), "{nonsense:?}");
    }
}
