//! What a file is, judged by its bytes and never by its name.

/// Kinds of documents that people may hand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    Pdf,
    /// Office Open XML: Word, Excel, PowerPoint.
    Office,
    /// 版式文件 GB/T 33190
    Ofd,
    Png,
    Jpeg,
    /// UTF-8 text without control characters.
    Text,
}

impl Content {
    pub const ALL: [Self; 6] = [Self::Pdf, Self::Office, Self::Ofd, Self::Png, Self::Jpeg, Self::Text];

    /// The word in databases and documents.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Office => "office",
            Self::Ofd => "ofd",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Text => "text",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|content| content.code() == code)
    }

    /// The media type under which it is served. Never one that a browser would run.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Office => "application/vnd.openxmlformats-officedocument",
            Self::Ofd => "application/ofd",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// What `bytes` are; `None` for everything that is not accepted, programs and web pages among it.
    pub fn judge(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"%PDF-") {
            return Some(Self::Pdf);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            return Some(Self::Jpeg);
        }
        if bytes.starts_with(b"PK\x03\x04") {
            return zip(bytes);
        }
        is_text(bytes).then_some(Self::Text)
    }
}

/// A ZIP is only accepted as one of the document formats that are made of it, known by the file that each must hold.
fn zip(bytes: &[u8]) -> Option<Content> {
    let holds = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    if holds(b"[Content_Types].xml") {
        // macros are programs
        return (!holds(b"vbaProject.bin")).then_some(Content::Office);
    }
    holds(b"OFD.xml").then_some(Content::Ofd)
}

fn is_text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let plain = !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let first = text.trim_start_matches('\u{feff}').trim_start();
    // markup would be run by a browser, and "#!" by a shell
    !bytes.is_empty() && plain && !first.starts_with('<') && !first.starts_with("#!")
}

#[cfg(test)]
mod tests {
    use super::Content;

    #[test]
    fn documents_are_known_by_their_bytes() {
        let cases: [(&[u8], Option<Content>); 12] = [
            (b"%PDF-1.7 ...", Some(Content::Pdf)),
            (b"\x89PNG\r\n\x1a\n....", Some(Content::Png)),
            (&[0xff, 0xd8, 0xff, 0xe0], Some(Content::Jpeg)),
            (b"PK\x03\x04....[Content_Types].xml....word/document.xml", Some(Content::Office)),
            (b"PK\x03\x04....[Content_Types].xml....word/vbaProject.bin", None),
            (b"PK\x03\x04....OFD.xml....", Some(Content::Ofd)),
            (b"PK\x03\x04....setup.exe", None),
            ("招标文件\r\n第一章".as_bytes(), Some(Content::Text)),
            (b"<!DOCTYPE html><script>", None),
            (b"#!/bin/sh", None),
            (b"MZ\x90\x00\x03", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Content::judge(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn codes_are_read_back() {
        for content in Content::ALL {
            assert_eq!(Content::from_code(content.code()), Some(content));
        }
    }
}
