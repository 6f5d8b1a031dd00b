//! A small, bounded XML tree for bank files: UTF-8, one namespace, no DTD, no entities of its own, no processing
//! instructions, and a limit on bytes, depth, elements and attributes. What passes here can not expand or nest
//! without end; what it means is the business of the reader.

use super::bank_notice::{BadNotice, Trouble};
use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

/// Deepest nesting. ISO 20022 messages that we read need 11.
const DEPTH_MAX: usize = 40;
/// Most elements in one file.
const ELEMENTS_MAX: usize = 2_000_000;
/// Most attributes on one element.
const ATTRIBUTES_MAX: usize = 8;
/// Longest text of one element, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// One element: its name without prefix, attributes, children, and its own text with the outer blanks removed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Element {
    pub name: String,
    pub line: u64,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
    /// Whether the element belongs to the expected namespace; foreign ones are kept only to be stepped over.
    pub foreign: bool,
}

impl Element {
    /// The first child called `name`.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name && !child.foreign)
    }

    /// All children called `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name && !child.foreign)
    }

    /// The element at the end of `path`, taking the first child at each step.
    pub fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The attribute called `name`.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A refusal that names this element's line.
    pub fn refuse(&self, reason: impl Into<Trouble>) -> BadNotice {
        BadNotice::at(self.line, reason)
    }
}

/// Reads `bytes` as one document whose root lies in `namespace`.
pub fn read(bytes: &[u8], namespace: &str, bytes_max: usize) -> Result<Element, BadNotice> {
    if bytes.len() > bytes_max {
        return Err(BadNotice::at(1, Trouble::of("file_too_large", [&bytes_max])));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + count_lines(bytes.get(..e.valid_up_to()).unwrap_or_default());
        BadNotice::at(line, "not_utf8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Tree { text, namespace, line: 1, counted: 0, elements: 0, open: Vec::new(), root: None }.read()
}

struct Tree<'a> {
    text: &'a str,
    namespace: &'a str,
    line: u64,
    counted: usize,
    elements: usize,
    open: Vec<Element>,
    root: Option<Element>,
}

impl<'a> Tree<'a> {
    fn read(mut self) -> Result<Element, BadNotice> {
        let mut reader = NsReader::from_str(self.text);
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().check_comments = true;
        loop {
            self.count_to(reader.buffer_position());
            let (bound, event) = match reader.read_resolved_event() {
                Ok((bound, event)) => (bound, event),
                Err(e) => {
                    self.count_to(reader.error_position());
                    return Err(self.bad(Trouble::of("not_well_formed", [&e])));
                }
            };
            match event {
                Event::Start(start) => {
                    let ours = matches!(bound, ResolveResult::Bound(Namespace(uri)) if uri == self.namespace);
                    self.start(&start, ours)?;
                }
                Event::End(_) => self.end()?,
                Event::Text(text) => self.push(&text.xml10_content())?,
                Event::CData(text) => self.push(&text.xml10_content())?,
                Event::GeneralRef(reference) => self.reference(&reference)?,
                Event::Decl(decl) => {
                    let encoding = decl.encoding().and_then(Result::ok);
                    if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) {
                        return Err(self.bad("other_encoding"));
                    }
                }
                Event::Comment(_) => {}
                Event::DocType(_) => return Err(self.bad("doctype")),
                Event::PI(_) => {
                    return Err(self.bad("instruction"));
                }
                Event::Empty(_) => return Err(self.bad(Trouble::of("not_well_formed", [&""]))),
                Event::Eof => break,
            }
        }
        if !self.open.is_empty() {
            return Err(self.bad("unfinished"));
        }
        let line = self.line;
        self.root.ok_or_else(|| BadNotice::at(line, "no_element"))
    }

    fn start(&mut self, start: &BytesStart<'_>, ours: bool) -> Result<(), BadNotice> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(self.bad("too_many_elements"));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(self.bad("too_deep"));
        }
        let name = start.local_name().into_inner().to_string();
        if self.open.is_empty() && !ours {
            return Err(self.bad(Trouble::of("root_namespace", [&name, &self.namespace])));
        }
        let mut element = Element { name, line: self.line, foreign: !ours, ..Element::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| self.bad(Trouble::of("bad_attribute", [&e])))?;
            if element.attributes.len() >= ATTRIBUTES_MAX {
                return Err(self.bad(Trouble::of("bad_attribute", [&element.name])));
            }
            let key = attribute.key.into_inner();
            if key == "xmlns" || key.starts_with("xmlns:") || key.contains(':') {
                continue;
            }
            if attribute.value.len() > TEXT_BYTES_MAX || attribute.value.contains('&') {
                return Err(self.bad(Trouble::of("bad_attribute", [&key])));
            }
            element.attributes.push((key.to_string(), attribute.value.to_string()));
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) -> Result<(), BadNotice> {
        let Some(mut element) = self.open.pop() else {
            return Err(self.bad(Trouble::of("not_well_formed", [&"</>"])));
        };
        element.text = element.text.trim().to_string();
        if !element.children.is_empty() && !element.text.is_empty() {
            return Err(self.bad(Trouble::of("stray_text", [&element.name])));
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None if self.root.is_some() => return Err(self.bad("second_root")),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> Result<(), BadNotice> {
        if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            return Err(self.bad("control_character"));
        }
        let line = self.line;
        match self.open.last_mut() {
            Some(element) if element.text.len() + text.len() <= TEXT_BYTES_MAX => element.text.push_str(text),
            Some(_) => return Err(BadNotice::at(line, "text_too_long")),
            None if text.trim().is_empty() => {}
            None => return Err(BadNotice::at(line, "text_outside")),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), BadNotice> {
        let name = reference.xml10_content();
        let character = match name.as_ref() {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => match reference.resolve_char_ref() {
                Ok(Some(character)) => character,
                _ => return Err(self.bad(Trouble::of("entity", [&name]))),
            },
        };
        self.push(character.encode_utf8(&mut [0; 4]))
    }

    fn count_to(&mut self, position: u64) {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.text.len());
        let new = self.text.as_bytes().get(self.counted..position).unwrap_or_default();
        self.line += count_lines(new);
        self.counted = self.counted.max(position);
    }

    fn bad(&self, reason: impl Into<Trouble>) -> BadNotice {
        BadNotice::at(self.line, reason)
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&b| b == b'\n').count() as u64
}
