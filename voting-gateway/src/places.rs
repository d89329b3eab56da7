//! A bounded number of places, in all and for each address: for connections, and for sockets that stay.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Places that are taken and given back.
pub(crate) struct Places {
    taken: Mutex<HashMap<IpAddr, usize>>,
    count: watch::Sender<usize>,
    max: usize,
    max_per_address: usize,
    /// The metric that shows how many are taken.
    gauge: &'static str,
}

/// One place, given back when it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    pub(crate) fn new(gauge: &'static str, max: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), count: watch::Sender::new(0), max, max_per_address, gauge })
    }

    /// Takes a place; `None` if there is none, in all or for this address.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let here = taken.get(&address).copied().unwrap_or(0);
        if *self.count.borrow() >= self.max || here >= self.max_per_address {
            return None;
        }
        taken.insert(address, here + 1);
        self.change(1);
        Some(Place { places: Arc::clone(self), address })
    }

    fn change(&self, by: isize) {
        self.count.send_modify(|count| *count = count.saturating_add_signed(by));
        metrics::gauge!(self.gauge).set(*self.count.borrow() as f64);
    }

    /// How many are taken, as that changes.
    pub(crate) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
        self.places.change(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_by_address_and_come_back() {
        let places = Places::new("places", 3, 2);
        let [one, two] = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
        let first = places.enter(one).unwrap();
        let _second = places.enter(one).unwrap();
        assert!(places.enter(one).is_none(), "two of one address");
        let _third = places.enter(two).unwrap();
        assert!(places.enter(two).is_none(), "three in all");
        assert_eq!(*places.count().borrow(), 3);
        drop(first);
        assert_eq!(*places.count().borrow(), 2);
        let _again = places.enter(two).unwrap();
        assert_eq!(places.taken.lock().unwrap().len(), 2);
    }
}
