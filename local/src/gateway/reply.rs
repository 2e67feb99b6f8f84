//! Replies to the gateway's callers.

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;

use super::upstream::Answer;
use super::xml::Element;

/// A reply to the caller.
pub type Reply = Response<Full<Bytes>>;

/// Returns MiniStack's unchanged answer as a reply.
pub fn reply_from_answer(answer: Answer) -> Reply {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// Returns an XML document as a reply.
pub fn reply_from_xml(element: &Element) -> Reply {
    let mut response = Response::new(Full::new(element.to_bytes()));
    response.headers_mut().insert(
        hyper::header::CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("text/xml"),
    );
    response
}
