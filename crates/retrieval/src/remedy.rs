//! What can be done about an error.

use std::fmt;

use serde::{Serialize, Serializer};

/// What to do about something that went wrong. The words of [`fmt::Display`] name no program: a command line, a server and
/// a page each say with their own means how it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// Make the index again from the catalog.
    Rebuild,
    /// Write to the collection once: every writer puts this right.
    Write,
    /// Bring the collection back, or make another.
    Restore,
    /// Bring the whitening back, learn another, or do without.
    LearnWhitening,
    /// Bring the hash back, learn another, or do without.
    LearnHash,
    /// Index the folders and import the lists again.
    IndexAgain,
    /// Move a file away that may come from somebody else, or restore the catalog.
    MoveAway,
    /// Put the file itself where a link or something else is, or make another collection.
    PutFile,
    /// Make a collection here.
    Create,
    /// Name the folder of a collection.
    NameCollection,
    /// Look at the list of images.
    ListImages,
    /// Bring the model of the collection back, or make another collection.
    BringModel,
    /// Give positions in metadata, or index photographs that hold some.
    GivePositions,
    /// Give labels.
    GiveLabels,
    /// Give metadata.
    GiveMetadata,
    /// Index the folder of a file again, or take its image out.
    IndexOrRemove,
    /// Index the folder of a file again, reading every file.
    Rescan,
    /// Check the permissions of a file, and the disk.
    CheckFile,
    /// Index pictures into a collection whose recipe has a global descriptor.
    IndexGlobal,
    /// Ask with a picture, of a collection whose recipe keeps local features.
    AskLocal,
    /// Ask with a picture, or with words where image and text models share a space, of a collection with a global descriptor.
    AskGlobal,
    /// Add captions, or index with an image and a text model that share a space.
    GiveCaptions,
    /// Ask with words, of a collection with captions and a text model.
    AskText,
    /// Give a vocabulary to sum by, or sum otherwise.
    GiveVocabulary,
    /// Give the file of the network of learned local features.
    GiveLocalModel,
}

impl Remedy {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Rebuild,
        Self::Write,
        Self::Restore,
        Self::LearnWhitening,
        Self::LearnHash,
        Self::IndexAgain,
        Self::MoveAway,
        Self::PutFile,
        Self::Create,
        Self::NameCollection,
        Self::ListImages,
        Self::BringModel,
        Self::GivePositions,
        Self::GiveLabels,
        Self::GiveMetadata,
        Self::IndexOrRemove,
        Self::Rescan,
        Self::CheckFile,
        Self::IndexGlobal,
        Self::AskLocal,
        Self::AskGlobal,
        Self::GiveCaptions,
        Self::AskText,
        Self::GiveVocabulary,
        Self::GiveLocalModel,
    ];

    /// What to do, as the end of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Rebuild => "make the index again from the catalog",
            Self::Write => "the next writer puts it right",
            Self::Restore => {
                "restore it from a backup, or index the pictures again into a new collection"
            }
            Self::LearnWhitening => {
                "restore the whitening from a backup, learn another, or take it away"
            }
            Self::LearnHash => "restore the hash from a backup, learn another, or take it away",
            Self::IndexAgain => {
                "index the folders and import the lists again, then remove this file"
            }
            Self::MoveAway => {
                "move it away if the collection came from somebody else; restore the catalog from a backup otherwise"
            }
            Self::PutFile => {
                "put the file itself in this place, or index the pictures again into a new collection"
            }
            Self::Create => "make a collection first",
            Self::NameCollection => "name the folder of a collection",
            Self::ListImages => "the list of images shows what is",
            Self::BringModel => "bring the model's old file back, or index into a new collection",
            Self::GivePositions => {
                "give positions in metadata (columns `latitude` and `longitude`), or index photographs that hold one"
            }
            Self::GiveLabels => {
                "give labels in metadata (a column `label`), or take them from the names of folders"
            }
            Self::GiveMetadata => "import some",
            Self::IndexOrRemove => "index its folder again, or take the image out",
            Self::Rescan => "index its folder again, reading every file",
            Self::CheckFile => "check its permissions and the disk",
            Self::IndexGlobal => "index the pictures into a new one with a global descriptor",
            Self::AskLocal => {
                "it takes a picture in the query, and a collection whose recipe has [local] enabled"
            }
            Self::AskGlobal => {
                "it takes a picture in the query, or words where image and text models share a space, and a collection with a \
                 global descriptor"
            }
            Self::GiveCaptions => {
                "add captions, or index with an image and a text model that share a space"
            }
            Self::AskText => {
                "it takes words in the query, captions, and a collection with a text model"
            }
            Self::GiveVocabulary => "give one, or sum by `vlad` or `vlad_intra`, which do without",
            Self::GiveLocalModel => "give its file in local.model",
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Serialize for Remedy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_remedy_has_words_of_its_own_that_name_no_program() {
        for (at, remedy) in Remedy::ALL.iter().enumerate() {
            let words = remedy.to_string();
            assert!(
                !words.contains("vizsla") && !words.contains("--"),
                "{words}"
            );
            let others = &Remedy::ALL[at + 1..];
            assert!(others.iter().all(|other| other.words() != words), "{words}");
        }
    }
}
