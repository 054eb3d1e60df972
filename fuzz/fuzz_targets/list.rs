//! Any bytes as a list of captions, as names and as rows: records or a reason, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vizsla_retrieval::lists::{CAPTION, IMAGE, Looks, Names, Role, decode, read_content, rows};

const ROLES: [Role; 2] = [
    Role {
        names: IMAGE,
        looks: Looks::Picture,
        needed: true,
    },
    Role {
        names: CAPTION,
        looks: Looks::Text,
        needed: true,
    },
];

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes.to_vec()) else {
        return;
    };
    let names = Names::new([("/p/a.jpg", 1), ("/p/sub/b.png", 2)], &["/p".into()]);
    let _ = read_content(&text.content, &ROLES, &mut |record| {
        let _ = names.find_any(&record.names());
        Ok(())
    });
    let _ = rows(&text.content, 3);
});
