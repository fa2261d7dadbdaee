//! What travels between the parts of a lab, and where to.
//!
//! ```text
//! subject ─ where: built from typed ids, parsed back        roles ─ who may publish and hear what
//! codec ─── how: MessagePack maps, JSON where JSON came     header ─ what rides beside a body
//! request ─ requests with their replies                     agent ─ control plane ↔ agent
//! stream ── chunked streams with credits                    row ─── the rows that lists answer with
//! image ─── how an image goes from node to node
//! ```
//!
//! No I/O: `lab-bus` moves these values, the services and scripts make and read them. Wire enums are
//! open (an unknown variant decodes), replies tolerate unknown fields, requests refuse them: a
//! misspelt field of a script is an error, never ignored.

pub mod agent;
pub mod codec;
pub mod commit;
pub mod header;
pub mod image;
pub mod request;
pub mod roles;
pub mod row;
pub mod stream;
pub mod subject;

pub use codec::{DecodeError, Encoding, decode, decode_json, encode, encode_json, sniff};
pub use request::{Access, Request, RequestInfo, ServedBy};
pub use roles::{Permissions, Role};
pub use subject::{Direction, ParseError, RequestAddress, Subject};
