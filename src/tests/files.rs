//! The file store on both kinds of storage: a local folder, and a real S3 server inside this process.

use crate::platform::files::Files;
use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;

/// What the S3 server of these tests lets in, as a program finds it in its environment.
pub(super) const S3_ACCESS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "tester"),
    ("AWS_SECRET_ACCESS_KEY", "secret-of-the-tester"),
    ("AWS_REGION", "us-east-1"),
];

/// Serves `folder` as S3 for as long as the test's process lives; gives the place of a file store there.
pub(super) async fn s3_place(folder: &std::path::Path) -> String {
    std::fs::create_dir_all(folder.join("bucket")).unwrap();
    let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    service.set_auth(SimpleAuth::from_single("tester", "secret-of-the-tester"));
    let service = service.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await.ok()
            });
        }
    });
    format!("s3://bucket/centre?endpoint=http://{address}")
}

async fn s3(folder: &std::path::Path) -> Files {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env =
        |key: &str| S3_ACCESS.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
    Files::open(&s3_place(folder).await, env).unwrap()
}

async fn keeps_what_it_was_given(files: Files) {
    let content = Bytes::from(vec![7u8; 3_000_000]);
    let name = files.put(content.clone()).await.unwrap();
    assert_eq!(files.put(content.clone()).await.unwrap(), name, "the same content has the same name");
    assert_eq!(files.get(&name).await.unwrap(), content);
    assert!(files.put_at("rec/one", Bytes::from_static(b"first")).await.unwrap());
    assert!(
        !files.put_at("rec/one", Bytes::from_static(b"second")).await.unwrap(),
        "an object is never overwritten"
    );
    assert_eq!(files.get_at("rec/one").await.unwrap(), "first");
    assert_eq!(files.range_at("rec/one", 1, 3).await.unwrap(), "ir");
    files.remove_at("rec/one").await.unwrap();
    assert!(files.get_at("rec/one").await.is_err());
    files.remove_at("rec/one").await.unwrap();
    assert_eq!(files.put_seen("up/new/a", content.clone(), <[u8]>::len).await.unwrap(), 3_000_000);
    assert_eq!(files.get_at("up/new/a").await.unwrap(), content);
    for name in ["up/1/a", "up/1/b", "up/2/a"] {
        files.put_at(name, Bytes::from_static(b"piece")).await.unwrap();
    }
    let named = std::collections::HashSet::from(["up/1/b".to_owned()]);
    assert_eq!(files.sweep("up/1", named).await.unwrap(), 1);
    assert!(files.get_at("up/1/a").await.is_err());
    assert_eq!(files.get_at("up/1/b").await.unwrap(), "piece");
    assert_eq!(files.get_at("up/2/a").await.unwrap(), "piece");
    assert_eq!(files.sweep("up/none", Default::default()).await.unwrap(), 0);
}

#[test]
fn a_folder_keeps_what_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(&folder.path().display().to_string(), |_| None).unwrap();
    assert!(files.free().unwrap().unwrap() > 0);
    super::browser::runtime().block_on(keeps_what_it_was_given(files));
}

#[test]
fn an_s3_server_keeps_what_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    super::browser::runtime().block_on(async {
        let files = s3(folder.path()).await;
        assert_eq!(files.free().unwrap(), None, "S3 tells nobody how much it still takes");
        keeps_what_it_was_given(files).await;
    });
}

#[test]
fn content_that_was_altered_on_the_disk_is_not_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(&folder.path().display().to_string(), |_| None).unwrap();
    super::browser::runtime().block_on(async {
        let name = files.put(Bytes::from_static(b"what was said")).await.unwrap();
        std::fs::write(folder.path().join(Files::place_of(&name)), b"what was paid").unwrap();
        assert!(files.get(&name).await.is_err());
    });
}
