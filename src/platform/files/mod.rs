//! Files: documents, ciphertexts, recording segments. Local disk by default, S3 at scale, one code path through
//! `object_store`. Content goes by its SHA-256; a file is durable before anything may refer to it.

pub mod content;

use super::digest;
use super::refusal::Fault;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names of the content: 64 lower-case hex digits of its SHA-256.
pub type ContentName = String;

/// The file store. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    /// The folder, if it is one.
    folder: Option<PathBuf>,
}

/// One megabyte more than this is not read into memory at once: callers stream instead.
pub const WHOLE_BYTES_MAX: usize = 64 << 20;

impl Files {
    /// Opens a folder (made if missing, every write fsynced), or `s3://bucket/prefix?endpoint=URL` with
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_REGION` from the environment.
    ///
    /// # Errors
    /// The folder can not be made or the URL not understood.
    pub fn open(place: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, Fault> {
        let Some(rest) = place.strip_prefix("s3://") else {
            std::fs::create_dir_all(place)?;
            let disk = object_store::local::LocalFileSystem::new_with_prefix(place)?.with_fsync(true);
            let folder = Some(PathBuf::from(place));
            return Ok(Self { store: Arc::new(disk), prefix: String::new(), folder });
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let options: Vec<(String, String)> = serde_urlencoded::from_str(query)?;
        let mut s3 = object_store::aws::AmazonS3Builder::new().with_bucket_name(bucket);
        for (key, value) in [("AWS_ACCESS_KEY_ID", 0), ("AWS_SECRET_ACCESS_KEY", 1), ("AWS_REGION", 2)] {
            if let Some(found) = env(key) {
                s3 = match value {
                    0 => s3.with_access_key_id(found),
                    1 => s3.with_secret_access_key(found),
                    _ => s3.with_region(found),
                };
            }
        }
        for (key, value) in options {
            s3 = match key.as_str() {
                "endpoint" => s3.with_allow_http(value.starts_with("http://")).with_endpoint(value),
                other => return Err(Fault::new(format!("SUNBID_FILES: unknown option {other}"))),
            };
        }
        Ok(Self { store: Arc::new(s3.build()?), prefix: prefix.trim_matches('/').to_owned(), folder: None })
    }

    /// Stores `content` under its own hash and returns the name. Storing it again costs nothing.
    ///
    /// # Errors
    /// The disk or the server fails; then nothing may refer to the content.
    pub async fn put(&self, content: Bytes) -> Result<ContentName, Fault> {
        let name = hex::encode(digest::sha256(&[&content]));
        self.put_at(&Self::place_of(&name), content).await?;
        Ok(name)
    }

    /// Stores `content` at a key of the caller's making (lower-case ASCII, `a-z 0-9 / . -`), once: an existing
    /// object is left as it is. Returns whether it was new.
    ///
    /// # Errors
    /// The disk or the server fails.
    pub async fn put_at(&self, key: &str, content: Bytes) -> Result<bool, Fault> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&self.key(key), PutPayload::from_bytes(content), options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(e) => Err(Fault::from(e).context(format!("storing {key}"))),
        }
    }

    /// Puts `content` in the place of what is at the key, if anything is.
    ///
    /// # Errors
    /// The disk or the server fails.
    pub async fn write_over(&self, key: &str, content: Bytes) -> Result<(), Fault> {
        let put = self.store.put(&self.key(key), PutPayload::from_bytes(content)).await;
        put.map(drop).map_err(|e| Fault::from(e).context(format!("storing {key}")))
    }

    /// Stores `content` at a key that nobody else writes, and gives what `see` makes of it just before, on the same thread and so
    /// mostly out of the processor's cache. On a folder a crash may leave a part of the content; so nothing may refer to the key before this returns, and [`Files::sweep`] must come by later.
    ///
    /// # Errors
    /// The disk or the server fails, or there is something at the key; then nothing is left there.
    pub async fn put_seen<T: Send + 'static>(
        &self,
        key: &str,
        content: Bytes,
        see: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let Some(root) = &self.folder else {
            let shown = content.clone();
            let seen = tokio::task::spawn_blocking(move || see(&shown)).await?;
            return self.put_at(key, content).await.map(|_| seen);
        };
        let path = root.join(key);
        let stored = move || {
            let seen = see(&content);
            let written = write_new(&path, &content);
            written.map(|()| seen).map_err(|e| Fault::from(e).context(format!("storing {}", path.display())))
        };
        tokio::task::spawn_blocking(stored).await?
    }

    /// The whole content of a small object, checked against its name.
    ///
    /// # Errors
    /// It is not there, or is larger than [`WHOLE_BYTES_MAX`], or is not what its name says.
    pub async fn get(&self, name: &str) -> Result<Bytes, Fault> {
        let content = self.get_at(&Self::place_of(name)).await?;
        if hex::encode(digest::sha256(&[&content])) == name {
            Ok(content)
        } else {
            Err(Fault::new(format!("content {name} was altered in storage")))
        }
    }

    /// The whole content at a key.
    ///
    /// # Errors
    /// It is not there or is larger than [`WHOLE_BYTES_MAX`].
    pub async fn get_at(&self, key: &str) -> Result<Bytes, Fault> {
        self.find_at(key).await?.ok_or_else(|| Fault::new(format!("{key} is not there")))
    }

    /// As [`Files::get_at`]; `None` if it is not there.
    ///
    /// # Errors
    /// It is larger than [`WHOLE_BYTES_MAX`], or the disk or the server fails.
    pub async fn find_at(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        let found = match self.store.get(&self.key(key)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        if found.meta.size > WHOLE_BYTES_MAX as u64 {
            return Err(Fault::new(format!("{key} is too large to read at once")));
        }
        Ok(Some(found.bytes().await?))
    }

    /// Where the object at a key lies on the disk, if this store is a folder: reading it there saves a copy and its memory.
    pub fn path_of(&self, key: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(key))
    }

    /// Size in bytes of the object at a key, without reading it; `None` if it is not there.
    ///
    /// # Errors
    /// The disk or the server fails.
    pub async fn size_at(&self, key: &str) -> Result<Option<u64>, Fault> {
        match self.store.head(&self.key(key)).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            found => Ok(Some(found?.size)),
        }
    }

    /// The content at a key as a stream, and its size in bytes.
    ///
    /// # Errors
    /// It is not there.
    pub async fn stream_at(
        &self,
        key: &str,
    ) -> Result<(u64, BoxStream<'static, Result<Bytes, Fault>>), Fault> {
        let found = self.store.get(&self.key(key)).await?;
        Ok((found.meta.size, found.into_stream().map(|part| part.map_err(Fault::from)).boxed()))
    }

    /// The content of this name as a stream, and its size in bytes; not checked against the name.
    ///
    /// # Errors
    /// It is not there.
    pub async fn stream(&self, name: &str) -> Result<(u64, BoxStream<'static, Result<Bytes, Fault>>), Fault> {
        self.stream_at(&Self::place_of(name)).await
    }

    /// Bytes `from..to` at a key.
    ///
    /// # Errors
    /// It is not there or shorter.
    pub async fn range_at(&self, key: &str, from: u64, to: u64) -> Result<Bytes, Fault> {
        Ok(self.store.get_range(&self.key(key), from..to).await?)
    }

    /// Removes the object at a key, if it is there. Only for what nothing refers to (expired uploads,
    /// recordings past their retention).
    ///
    /// # Errors
    /// The disk or the server fails.
    pub async fn remove_at(&self, key: &str) -> Result<(), Fault> {
        match self.store.delete(&self.key(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Bytes that may still be written to the disk of the file store; `None` on S3, which does not tell.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn free(&self) -> Result<Option<u64>, Fault> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let disk = rustix::fs::statvfs(folder)?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }

    /// Removes everything directly under the key `folder/` but the keys in `keep`, what a write that was broken off left
    /// there too. Gives how many objects went.
    ///
    /// # Errors
    /// The disk or the server fails.
    pub async fn sweep(&self, folder: &str, keep: HashSet<String>) -> Result<usize, Fault> {
        if let Some(root) = self.folder.clone() {
            let name = folder.to_owned();
            return tokio::task::spawn_blocking(move || sweep_folder(&root.join(&name), &name, &keep))
                .await?;
        }
        let mut listed = self.store.list(Some(&self.key(folder)));
        let keep: HashSet<Key> = keep.iter().map(|key| self.key(key)).collect();
        let mut gone = 0;
        while let Some(found) = listed.next().await {
            let found = found?.location;
            if !keep.contains(&found) {
                self.store.delete(&found).await?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// The key under which content of this name is kept.
    pub fn place_of(name: &str) -> String {
        format!("content/{}/{name}", name.get(..2).unwrap_or("xx"))
    }

    fn key(&self, key: &str) -> Key {
        if self.prefix.is_empty() { Key::from(key) } else { Key::from(format!("{}/{key}", self.prefix)) }
    }
}

/// So many bytes are written by one call. What comes at once is kept by Linux in one piece of memory if it can, and pieces of 2 MiB
/// and more are what a virtual machine gives back to its host: with calls of 4 MiB a gibibyte takes 1.5 to 2.5 s until the host has found
/// memory for it, with calls of 1 MiB 0.2 s.
const AT_ONCE: usize = 1 << 20;

/// Writes a new file and its place in its folder through to the disk.
fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    if !folder.exists() {
        std::fs::create_dir_all(folder)?;
        if let Some(above) = folder.parent() {
            File::open(above)?.sync_all()?;
        }
    }
    let mut file = File::create_new(path)?;
    let written = content.chunks(AT_ONCE).try_for_each(|chunk| file.write_all(chunk));
    let written = written.and_then(|()| file.sync_all());
    if let Err(why) = written {
        let _ = std::fs::remove_file(path);
        return Err(why);
    }
    File::open(folder)?.sync_all()
}

fn sweep_folder(folder: &Path, name: &str, keep: &HashSet<String>) -> Result<usize, Fault> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut gone = 0;
    for entry in entries {
        let entry = entry?;
        let key = format!("{name}/{}", entry.file_name().to_string_lossy());
        if !keep.contains(&key) && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
            gone += 1;
        }
    }
    if keep.is_empty() {
        // a folder that somebody writes into again at this moment stays
        let _ = std::fs::remove_dir(folder);
    }
    Ok(gone)
}
