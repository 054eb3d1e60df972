//! Remedies in the words of the command line: which command does what a library says should be done.

use std::io::ErrorKind;

use vizsla_retrieval::Remedy;

/// How a remedy is carried out here.
pub fn how(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Rebuild => "run `vizsla optimize --rebuild` to make it again from the catalog",
        Remedy::Write => "run `vizsla optimize` to put it right",
        Remedy::LearnWhitening => {
            "restore it from a backup, learn another with `vizsla whiten train`, or take it away with `vizsla whiten remove`"
        }
        Remedy::LearnHash => {
            "restore it from a backup, learn another with `vizsla hash train`, or take it away with `vizsla hash remove`"
        }
        Remedy::Create => "make one with `vizsla index FOLDER --into COLLECTION`",
        Remedy::NameCollection => "name the folder that `vizsla index` made with --into",
        Remedy::ListImages => "`vizsla list` shows what is",
        Remedy::BringModel => {
            "bring the old file back with `vizsla models add`, or index into a new collection"
        }
        Remedy::GivePositions => {
            "give positions with `vizsla index --into COLLECTION --metadata FILE` (columns `latitude` and `longitude`), \
             or index photographs that hold one"
        }
        Remedy::GiveLabels => {
            "give labels with `vizsla index --into COLLECTION --metadata FILE` (a column `label`), or with `--labels folders`"
        }
        Remedy::GiveMetadata => "add some with `vizsla index --metadata FILE`",
        Remedy::IndexOrRemove => "run `vizsla index` on its folder, or `vizsla remove`",
        Remedy::Rescan => "run `vizsla index --rescan` on its folder",
        Remedy::IndexGlobal => {
            "index the pictures into a new one with `--encoder MODEL` or `--global NAME`"
        }
        Remedy::AskGlobal => {
            "it takes a picture in the query, or words where image and text models share a space, and a collection indexed with \
             `--encoder MODEL` or `--global NAME`"
        }
        Remedy::GiveCaptions => {
            "add captions with `vizsla index --into COLLECTION --captions FILE`, or index with an image and a text model that \
             share a space"
        }
        Remedy::AskText => {
            "it takes words in the query, captions, and a collection indexed with `--text-encoder MODEL`"
        }
        Remedy::GiveVocabulary => {
            "learn one with `vizsla codebook aggregate` and give it as `--aggregator FILE`, or take `--global vlad` or \
             `--global vlad_intra`, which do without"
        }
        Remedy::GiveLocalModel => {
            "give its file as `--local-model FILE`; docs/methods/detectors.md says how to make one"
        }
        other => other.words(),
    }
}

/// A message with the command in place of the library's own words for the remedy.
pub fn with_commands(text: &str, error: &anyhow::Error) -> String {
    let remedy = error.chain().find_map(remedy);
    remedy.map_or_else(
        || text.to_owned(),
        |remedy| text.replacen(remedy.words(), how(remedy), 1),
    )
}

/// A remark with the command in place of the library's own words for a remedy, where it names one.
pub fn with_how(remark: &str) -> String {
    let named = Remedy::ALL
        .iter()
        .find(|remedy| remark.contains(remedy.words()));
    named.map_or_else(
        || remark.to_owned(),
        |&remedy| remark.replacen(remedy.words(), how(remedy), 1),
    )
}

/// The remedy that an error of a library names.
fn remedy(cause: &(dyn std::error::Error + 'static)) -> Option<Remedy> {
    // Errors that only hand another on are no causes of their own.
    let found = match cause.downcast_ref::<vizsla_evaluation::Error>() {
        Some(vizsla_evaluation::Error::Collection(inner)) => Some(inner),
        _ => cause.downcast_ref(),
    };
    #[cfg(feature = "training")]
    let found = match cause.downcast_ref::<vizsla_training::Error>() {
        Some(vizsla_training::Error::Retrieval(inner)) => Some(inner),
        _ => found,
    };
    let found = match cause.downcast_ref::<vizsla_server::Error>() {
        Some(vizsla_server::Error::Retrieval(inner)) => Some(inner),
        _ => found,
    };
    found.and_then(vizsla_retrieval::Error::remedy)
}

/// What to do about a refusal of the system.
pub fn of_the_system(error: &anyhow::Error) -> Option<&'static str> {
    let mut causes = error.chain();
    let refusal = causes.find_map(|cause| match cause.downcast_ref() {
        // One that a library hands on as it is.
        Some(vizsla_neural::Error::Io(refusal)) => Some(refusal),
        _ => cause.downcast_ref::<std::io::Error>(),
    })?;
    Some(match refusal.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "check the path",
        ErrorKind::IsADirectory => "give a file in place of this folder",
        ErrorKind::AlreadyExists => "give another name, or move what is there",
        ErrorKind::PermissionDenied => "check who may read and write there",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on that disk",
        ErrorKind::ReadOnlyFilesystem => "give a place that can be written to",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_library_says_should_be_done_is_told_as_a_command() {
        let absent = vizsla_retrieval::Error::Missing("not/here.vizsla".into());
        let text = absent.to_string();
        assert!(!text.contains("`vizsla"), "{text}");
        let handed_on = vizsla_evaluation::Error::from(absent);
        let shown = with_commands(
            &text,
            &anyhow::Error::from(handed_on).context("while opening"),
        );
        assert_eq!(
            shown,
            "there is no collection here; make one with `vizsla index FOLDER --into COLLECTION`: not/here.vizsla"
        );
    }

    #[test]
    fn a_remark_names_the_command_too() {
        let remark = format!("`words` was left out; {}: a.seg", Remedy::Rebuild);
        assert!(with_how(&remark).contains("vizsla optimize --rebuild"));
        assert_eq!(with_how("nothing to do"), "nothing to do");
    }

    #[test]
    fn other_messages_stay_as_they_are() {
        assert_eq!(with_commands("a; b", &anyhow::anyhow!("a; b")), "a; b");
    }
}
