//! The HTML pages that users see: small, self-contained, escaped, without script (ASVS 3.4); in the language of the reader and with
//! the operator's design.

mod design;
mod html;
mod message;
mod notices;
mod render;
mod sessions;
mod texts;

pub use design::{Design, DesignFault, LogoType};
pub use message::{Action, Message, Phrase};
pub use notices::{StepUp, logout_refused};
pub use render::Pages;
pub use sessions::{NeededSignIn, SessionEntry, SessionList};
pub use texts::Text;
