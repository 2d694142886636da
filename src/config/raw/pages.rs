//! The pages that users see.

use std::path::PathBuf;

use crate::config::section::section;

section! {
    /// Pages. Files are read again when they change.
    struct Pages {
        /// The name that each page shows above its heading and in its title, such as that of your organisation.
        name: optional String,
        /// A logo that each page shows, a file whose name ends in `.svg` or `.png`, of at most 32 KiB.
        logo_file: optional PathBuf,
        /// Further rules of style (CSS) of at most 32 KiB, which follow those of Gatepost. Pages load nothing: a rule that names another
        /// file, such as a font, has no effect.
        style_file: optional PathBuf,
        /// Texts in place of those of Gatepost: a JSON object with a member for each language (`en`, `de`, `fr`, `es`), which is an
        /// object with the texts by their keys. docs/pages.md lists the keys.
        texts_file: optional PathBuf,
    }
}
