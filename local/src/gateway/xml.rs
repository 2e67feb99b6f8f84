//! An XML document as a tree that can be changed and written.

use anyhow::{Context, Result, bail};
use hyper::body::Bytes;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

/// An element with its attributes and its content, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    /// Creates an element that contains a text.
    pub fn leaf(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            children: vec![Node::Text(text.to_owned())],
            ..Self::default()
        }
    }

    /// Creates an element that contains other elements.
    pub fn with(name: &str, children: impl IntoIterator<Item = Self>) -> Self {
        Self {
            name: name.to_owned(),
            children: children.into_iter().map(Node::Element).collect(),
            ..Self::default()
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Returns an error if the document isn't XML.
    pub fn read(document: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(document).context("the XML document is not UTF-8")?;
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event()? {
                Event::Start(start) => open.push(Self::open(&start)?),
                Event::Empty(start) => {
                    let element = Self::open(&start)?;
                    last(&mut open)?.children.push(Node::Element(element));
                }
                Event::End(_) => {
                    let element = open.pop().context("an end tag has no start tag")?;
                    last(&mut open)?.children.push(Node::Element(element));
                }
                Event::Text(text) => last(&mut open)?.push_text(&text),
                Event::CData(text) => last(&mut open)?.push_text(&text),
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref()? {
                        Some(character) => character.to_string(),
                        None => resolve_predefined_entity(&reference)
                            .context("an entity is not predefined in XML")?
                            .to_owned(),
                    };
                    last(&mut open)?.push_text(&character);
                }
                Event::Eof => break,
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
            }
        }
        let root = open.pop().context("the document has too many end tags")?;
        match root.children.into_iter().find_map(Node::into_element) {
            Some(element) if open.is_empty() => Ok(element),
            _ => bail!("not an XML document: {text}"),
        }
    }

    fn open(start: &BytesStart) -> Result<Self> {
        let attributes = start
            .attributes()
            .map(|attribute| {
                let attribute = attribute?;
                Ok((
                    attribute.key.as_ref().to_owned(),
                    attribute.value.into_owned(),
                ))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            name: start.name().as_ref().to_owned(),
            attributes,
            children: Vec::new(),
        })
    }

    fn push_text(&mut self, text: &str) {
        if let Some(Node::Text(before)) = self.children.last_mut() {
            before.push_str(text);
        } else {
            self.children.push(Node::Text(text.to_owned()));
        }
    }

    /// Writes the document.
    pub fn to_bytes(&self) -> Bytes {
        let mut writer = Writer::new(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_vec());
        // Writing to memory can't fail.
        let _ = self.write(&mut writer);
        Bytes::from(writer.into_inner())
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> Result<()> {
        let mut start = BytesStart::new(&self.name);
        for (key, value) in &self.attributes {
            start.push_attribute((key.as_str(), value.as_str()));
        }
        writer.write_event(Event::Start(start))?;
        for child in &self.children {
            match child {
                Node::Element(element) => element.write(writer)?,
                Node::Text(text) => writer.write_event(Event::Text(BytesText::new(text)))?,
            }
        }
        writer.write_event(Event::End(BytesEnd::new(&self.name)))?;
        Ok(())
    }

    /// Appends elements.
    pub fn extend(&mut self, elements: impl IntoIterator<Item = Self>) {
        self.children
            .extend(elements.into_iter().map(Node::Element));
    }

    /// Returns the child elements.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    fn children_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        self.children.iter_mut().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// Returns the first child element with this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children().find(|child| child.name == name)
    }

    /// Returns the element at a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |element, name| element.child(name))
    }

    /// Returns the element's text.
    pub fn text(&self) -> &str {
        match self.children.first() {
            Some(Node::Text(text)) => text,
            _ => "",
        }
    }

    /// Returns a child element's text, or an empty text if there is no such child.
    pub fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", Self::text)
    }

    /// Replaces the child elements that have the element's name with the element.
    pub fn set(&mut self, element: Self) {
        self.remove(&element.name);
        self.children.push(Node::Element(element));
    }

    /// Removes the child elements with this name.
    pub fn remove(&mut self, name: &str) {
        self.children
            .retain(|node| !matches!(node, Node::Element(element) if element.name == name));
    }

    /// Changes every element with this name in the tree, including the root.
    pub fn each(&mut self, name: &str, change: &mut impl FnMut(&mut Self)) {
        if self.name == name {
            change(self);
        }
        for child in self.children_mut() {
            child.each(name, change);
        }
    }

    /// Changes every text in the tree for which `change` returns a new one.
    pub fn each_text(&mut self, change: &impl Fn(&str) -> Option<String>) {
        for node in &mut self.children {
            match node {
                Node::Element(element) => element.each_text(change),
                Node::Text(text) => {
                    if let Some(changed) = change(text) {
                        *text = changed;
                    }
                }
            }
        }
    }
}

impl Node {
    fn into_element(self) -> Option<Element> {
        match self {
            Self::Element(element) => Some(element),
            Self::Text(_) => None,
        }
    }
}

fn last(open: &mut [Element]) -> Result<&mut Element> {
    open.last_mut().context("the document has no open element")
}

#[cfg(test)]
mod tests {
    use super::Element;

    #[test]
    fn written_xml_equals_parsed_xml() {
        let document =
            "<A xmlns=\"urn:x\"><B>one &amp; &lt;two&gt; &#8212;</B><C/><B>three</B></A>";

        let read = Element::read(document.as_bytes()).expect("XML");

        assert_eq!(read.text_of("B"), "one & <two> —");
        let written = read.to_bytes();
        assert_eq!(Element::read(&written).expect("XML"), read);
        assert!(String::from_utf8_lossy(&written).contains("xmlns=\"urn:x\""));
    }

    #[test]
    fn changes_elements_at_any_depth() {
        let mut tree = Element::read(b"<A><B><Status>available</Status></B><Status>x</Status></A>")
            .expect("XML");

        tree.each("B", &mut |b| b.set(Element::leaf("Status", "creating")));

        assert_eq!(
            tree.at(&["B", "Status"]).map(Element::text),
            Some("creating")
        );
        assert_eq!(tree.text_of("Status"), "x", "only in B");
    }

    #[test]
    fn rejects_documents_that_are_not_xml() {
        for document in ["", "{}", "<A>", "<A></B>"] {
            assert!(Element::read(document.as_bytes()).is_err(), "{document}");
        }
    }
}
