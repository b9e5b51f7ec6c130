// SPDX-License-Identifier: GPL-2.0

//! A ring of records in words of any kind, and those who use it.
//!
//! Each word of payload looks like the header of a committed record that would lie there one turn
//! of the ring later, so that whoever takes what was there before for a header is found out.

use crate::{Core, CoreWord, Loom, LoomWord};
use ferrio_ring::{
    records::{
        bits, Loss, Many, Producers, Reader, Record, Records, Reservation, Single, Slot, CAUSES,
        HEADER_BYTES,
    },
    Bell, Word, Words,
};

/// A word of a kind that a ring can be made of.
pub trait TestWord: Word {
    /// The holder that has such words.
    type Words: Words;

    /// A place for payload, which knows if it is used without order.
    type Cell;

    /// A word that holds `value`.
    fn of(value: u64) -> Self;

    /// A place that holds `value`.
    fn cell(value: u64) -> Self::Cell;

    /// Writes a place.
    fn set(cell: &Self::Cell, value: u64);

    /// Reads a place.
    fn get(cell: &Self::Cell) -> u64;
}

impl TestWord for CoreWord {
    type Words = Core;
    type Cell = std::cell::Cell<u64>;

    fn of(value: u64) -> Self {
        CoreWord(value.into())
    }

    fn cell(value: u64) -> Self::Cell {
        value.into()
    }

    fn set(cell: &Self::Cell, value: u64) {
        cell.set(value)
    }

    fn get(cell: &Self::Cell) -> u64 {
        cell.get()
    }
}

impl TestWord for LoomWord {
    type Words = Loom;
    type Cell = loom::cell::Cell<u64>;

    fn of(value: u64) -> Self {
        LoomWord::new(value)
    }

    fn cell(value: u64) -> Self::Cell {
        loom::cell::Cell::new(value)
    }

    fn set(cell: &Self::Cell, value: u64) {
        cell.set(value)
    }

    fn get(cell: &Self::Cell) -> u64 {
        cell.get()
    }
}

/// The memory of a ring of records.
pub struct Store<W: TestWord> {
    /// In bytes.
    pub size: u64,
    /// The consumer's position.
    pub consumer: W,
    /// The producer's position, or `reserve`.
    pub producer: W,
    /// Of many producers.
    pub limit: W,
    /// The kernel's.
    pub state: W,
    /// `armed` and `wanted` of the consumer.
    pub consumer_bell: [W; 2],
    /// `armed` and `wanted` of the producers.
    pub producer_bell: [W; 2],
    /// `claim`, `position` and `header` of each slot.
    pub slots: Vec<[W; 3]>,
    /// The data, as words.
    pub words: Vec<W>,
    cells: Vec<W::Cell>,
}

/// What a producer writes at a position: its mark, and else a header of a turn later.
pub fn lie(at: u64, size: u64, mark: u64) -> u64 {
    let phase = if ((at >> 3) & 0xffff) % 3 == 0 {
        0
    } else {
        bits::PHASE
    };
    (at.wrapping_add(size) << 45) | phase | mark
}

impl<W: TestWord> Store<W> {
    /// An empty ring both of whose ends are at `start`, with what was written one turn before.
    /// `many`: for many producers, of which `slots` may have slots.
    pub fn new(size: u64, start: u64, many: bool, slots: usize) -> Self {
        assert!(start % 8 == 0);
        let before = |at: u64| lie(at.wrapping_sub(size), size, 0);
        let first = |offset: u64| {
            let at = start.wrapping_add(offset.wrapping_sub(start) & (size - 1));
            before(at)
        };
        let stale = if many { (before(start) >> 45) & 1 } else { 0 };
        let pair = || [W::of(0), W::of(0)];
        Store {
            size,
            consumer: W::of(start | stale),
            producer: W::of(if many { start << 8 } else { start }),
            limit: W::of((start << 8) | stale),
            state: W::of(0),
            consumer_bell: pair(),
            producer_bell: pair(),
            slots: (0..slots).map(|_| [W::of(0), W::of(0), W::of(0)]).collect(),
            words: (0..size / 8).map(|i| W::of(first(i * 8))).collect(),
            cells: (0..size / 8).map(|i| W::cell(first(i * 8))).collect(),
        }
    }

    /// The ring as its consumer sees it.
    pub fn for_consumer(&self) -> View<'_, W, false> {
        let [armed, wanted] = &self.producer_bell;
        self.view(Bell::new(armed, wanted), 0, &|| true)
    }

    /// The ring as a producer sees it: 0, or the number of a slot and 1. `USERS`: there are such.
    pub fn for_producer<const USERS: bool>(&self, owner: u64) -> View<'_, W, USERS> {
        let [armed, wanted] = &self.consumer_bell;
        self.view(Bell::new(armed, wanted), owner, &|| true)
    }

    /// The ring as somebody sees it who rings `bell`; see [`Tap`] for `tap`.
    pub fn view<'a, const USERS: bool>(
        &'a self,
        bell: Bell<&'a W>,
        owner: u64,
        tap: &'a Tap<'a>,
    ) -> View<'a, W, USERS> {
        View {
            store: self,
            bell,
            owner,
            tap,
        }
    }

    /// The consumer of one producer.
    pub fn reader_of_single(&self) -> Reader<View<'_, W, false>, false> {
        Reader::new(self.for_consumer(), self.size).expect("a power of two")
    }

    /// The consumer of many producers.
    pub fn reader_of_many(&self) -> Reader<View<'_, W, false>, true> {
        Reader::new(self.for_consumer(), self.size).expect("a power of two")
    }

    /// The only producer.
    pub fn single(&self) -> Single<View<'_, W, false>> {
        Single::new(self.for_producer(0), self.size).expect("a power of two")
    }

    /// A producer in the kernel, of a ring that no program writes.
    pub fn many(&self) -> Many<View<'_, W, false>> {
        Many::new(self.for_producer(0), self.size).expect("a power of two")
    }

    /// A producer of a ring that programs write.
    pub fn mixed(&self, owner: u64) -> Many<View<'_, W, true>> {
        Many::new(self.for_producer(owner), self.size).expect("a power of two")
    }

    /// Writes a payload of `mark`s where a record is reserved.
    pub fn write(&self, reserved: &Reservation, mark: u64) {
        let payload = reserved.position().wrapping_add(HEADER_BYTES);
        assert_eq!(reserved.offset(self.size), payload & (self.size - 1));
        for at in (0..reserved.len()).step_by(8) {
            let at = payload.wrapping_add(at);
            let index = (at / 8) as usize % self.cells.len();
            let value = lie(at, self.size, mark);
            W::set(&self.cells[index], value);
            self.words[index].store(value);
        }
    }

    /// Reads the payload of a record: the mark, if it has one word at least.
    pub fn read(&self, record: Record) -> Option<u64> {
        let mut mark = None;
        for at in (0..record.len).step_by(8) {
            let at = record.offset + at;
            let index = (at / 8) as usize % self.cells.len();
            let value = W::get(&self.cells[index]);
            assert_eq!(self.words[index].load(), value, "somebody else's word");
            let this = value & bits::LEN;
            let written = ((value >> bits::CHECK_SHIFT) << 3).wrapping_sub(self.size);
            assert_eq!(value, lie(written, self.size, this), "no payload");
            assert_eq!(
                (written ^ at) & (self.size - 1),
                0,
                "not where it was written"
            );
            assert_eq!(*mark.get_or_insert(this), this, "two payloads in one");
        }
        mark
    }
}

/// Books of losses in words of this kind.
pub fn loss<W: TestWord>() -> Loss<W, W> {
    Loss::new(
        std::array::from_fn(|_| W::of(0)),
        W::of(0),
        std::array::from_fn::<_, { 3 + CAUSES }, _>(|_| W::of(0)),
    )
}

/// What comes in front of each access of a holder: an interrupt perhaps. `false`: the holder is
/// dead, and the access does not happen.
pub type Tap<'a> = dyn Fn() -> bool + 'a;

/// A ring as one holder sees it.
pub struct View<'a, W: TestWord, const USERS: bool> {
    store: &'a Store<W>,
    bell: Bell<&'a W>,
    owner: u64,
    tap: &'a Tap<'a>,
}

impl<'a, W: TestWord, const USERS: bool> View<'a, W, USERS> {
    fn tapped(&self, word: &'a W) -> Tapped<'a, W> {
        Tapped {
            word,
            tap: self.tap,
        }
    }
}

impl<W: TestWord, const USERS: bool> Records for View<'_, W, USERS> {
    type Words = W::Words;

    fn consumer(&self) -> impl Word {
        self.tapped(&self.store.consumer)
    }

    fn producer(&self) -> impl Word {
        self.tapped(&self.store.producer)
    }

    fn state(&self) -> impl Word {
        self.tapped(&self.store.state)
    }

    fn bell(&self) -> Bell<impl Word> {
        self.bell
    }

    fn word(&self, offset: u64) -> impl Word {
        assert!(offset % 8 == 0 && offset < self.store.size, "{offset}");
        self.tapped(&self.store.words[(offset / 8) as usize])
    }
}

impl<W: TestWord, const USERS: bool> Producers for View<'_, W, USERS> {
    const USERS: bool = USERS;

    fn limit(&self) -> impl Word {
        self.tapped(&self.store.limit)
    }

    fn owner(&self) -> u64 {
        self.owner
    }

    fn slot(&self, owner: u64) -> Option<Slot<impl Word>> {
        let index = usize::try_from(owner.checked_sub(1)?).ok()?;
        let [claim, position, header] = self.store.slots.get(index)?;
        Some(Slot {
            claim: self.tapped(claim),
            position: self.tapped(position),
            header: self.tapped(header),
        })
    }
}

/// A word of a holder.
struct Tapped<'a, W> {
    word: &'a W,
    tap: &'a Tap<'a>,
}

impl<W: Word> Word for Tapped<'_, W> {
    fn load(&self) -> u64 {
        if (self.tap)() {
            self.word.load()
        } else {
            0
        }
    }

    fn load_acquire(&self) -> u64 {
        if (self.tap)() {
            self.word.load_acquire()
        } else {
            0
        }
    }

    fn store(&self, value: u64) {
        if (self.tap)() {
            self.word.store(value)
        }
    }

    fn store_release(&self, value: u64) {
        if (self.tap)() {
            self.word.store_release(value)
        }
    }

    fn cmpxchg_release(&self, old: u64, new: u64) -> bool {
        (self.tap)() && self.word.cmpxchg_release(old, new)
    }
}
