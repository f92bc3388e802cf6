//! Pages: filters, orders, cursors, and clear refusals.

use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

fn request_noun() -> &'static Noun {
    noun("requests").unwrap()
}

/// A farm with requests of these (builder, priority).
async fn farm_with(requests: &'static [(&str, i64)]) -> TestFarm {
    let farm = TestFarm::new();
    farm.write(move |w| {
        let config = set_up(w, &[("barn", 9)])?;
        for (builder, priority) in requests {
            submit(w, config, builder, *priority)?;
        }
        Ok(())
    })
    .await;
    farm
}

fn submit(w: &mut Write<'_>, config: ConfigId, builder: &str, priority: i64) -> Result<(), Error> {
    let mut new = buildset(config, &[builder]);
    new.requests[0].priority = priority;
    w.submit_buildset(&new).map(|_| ())
}

fn ids(rows: &[Row]) -> Vec<i64> {
    let id = |row: &Row| match row["id"] {
        Cell::Int(id) => id,
        _ => panic!("{row:?}"),
    };
    rows.iter().map(id).collect()
}

async fn page(farm: &TestFarm, query: Query) -> Page {
    farm.read(move |r| r.page(request_noun(), &query)).await
}

#[tokio::test]
async fn filters_mean_what_they_say() {
    let farm = farm_with(&[("alpha", 1), ("beta", 2), ("Beta-2", 3), ("al", 3)]).await;
    farm.write(|w| begin(w, RequestId(2), "barn")).await;
    let check = async |key: &str, value: &str, expected: &[i64]| {
        let filter = Filter::parse(request_noun(), key, value).unwrap();
        let query = Query { filters: vec![filter], ..Query::default() };
        assert_eq!(ids(&page(&farm, query).await.rows), expected, "{key}={value}");
    };
    check("builder", "alpha", &[1]).await;
    check("builder__ne", "alpha", &[2, 3, 4]).await;
    check("builder__in", "alpha,beta,gamma", &[1, 2]).await;
    check("builder__contains", "eta", &[2, 3]).await;
    check("builder__contains", "B", &[3]).await;
    check("builder__contains", "", &[1, 2, 3, 4]).await;
    check("priority__ge", "2", &[2, 3, 4]).await;
    check("priority__lt", "2", &[1]).await;
    check("state", "claimed", &[2]).await;
    check("worker", "null", &[1, 3, 4]).await;
    check("worker__ne", "null", &[2]).await;
    check("worker__ne", "barn", &[1, 3, 4]).await;
    check("submitted_at__le", "1970-01-01T00:00:01Z", &[1, 2, 3, 4]).await;
    check("submitted_at__gt", "1970-01-01T01:00:01+01:00", &[]).await;
}

#[tokio::test]
async fn pages_follow_each_other_in_every_order_and_absent_values_have_a_place() {
    let farm = farm_with(&[("a", 2), ("b", 1), ("c", 2), ("d", 1), ("e", 3)]).await;
    farm.write(|w| {
        begin(w, RequestId(2), "barn")?;
        begin(w, RequestId(5), "barn")
    })
    .await;
    let check = async |order: &str, expected: &[i64]| {
        for limit in 1..=6 {
            let mut found = Vec::new();
            let order = Some(Order::parse(request_noun(), order).unwrap());
            let mut query = Query { order, limit: Some(limit), ..Query::default() };
            loop {
                let page = page(&farm, query.clone()).await;
                found.extend(ids(&page.rows));
                let Some(next) = page.next else { break };
                query.cursor = Some(next);
            }
            assert_eq!(found, expected, "{query:?}");
        }
    };
    check("id", &[1, 2, 3, 4, 5]).await;
    check("-id", &[5, 4, 3, 2, 1]).await;
    check("priority", &[2, 4, 1, 3, 5]).await;
    check("-priority", &[5, 3, 1, 4, 2]).await;
    check("build_id", &[1, 3, 4, 2, 5]).await;
    check("-build_id", &[5, 2, 4, 3, 1]).await;
    check("-builder", &[5, 4, 3, 2, 1]).await;
}

#[tokio::test]
async fn rows_inserted_between_pages_neither_repeat_nor_hide_others() {
    let farm = farm_with(&[("a", 1), ("b", 2), ("c", 3), ("d", 4)]).await;
    let order = Some(Order { field: "priority".to_owned(), descending: true });
    let first = Query { order, limit: Some(2), ..Query::default() };
    let one = page(&farm, first.clone()).await;
    farm.write(|w| {
        let config = w.current_configuration()?.unwrap();
        submit(w, config, "before", 9)?;
        submit(w, config, "behind", 0)
    })
    .await;
    let two = page(&farm, Query { cursor: one.next, limit: Some(9), ..first }).await;
    assert_eq!((ids(&one.rows), ids(&two.rows)), (vec![4, 3], vec![2, 1, 6]));
}

#[tokio::test]
async fn only_the_fields_asked_for_are_shown() {
    let farm = farm_with(&[("a", 1), ("b", 2)]).await;
    let fields = Some(vec!["builder".to_owned()]);
    let page = page(&farm, Query { fields, limit: Some(1), ..Query::default() }).await;
    assert_eq!(page.rows, [Row::from([("builder".to_owned(), Cell::from("a"))])]);
    assert!(page.next.is_some());
    let one = farm.read(|r| r.one(request_noun(), 2)).await.unwrap();
    assert_eq!(one["builder"], Cell::from("b"));
    assert_eq!(farm.read(|r| r.one(request_noun(), 3)).await, None);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_by_name() {
    let farm = farm_with(&[("a", 1), ("b", 2)]).await;
    let parse = |key: &str, value: &str, expected: &str| {
        let error = Filter::parse(request_noun(), key, value).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    parse("colour", "red", "request has no field `colour`; it has id, ");
    parse("builder__like", "a", "`like` is no operator (in `builder__like`)");
    parse("state", "sleeping", "`sleeping` is not a value of `state`: expected pending, ");
    parse("priority__ge", "high", "`high` is not a value of `priority`: expected a whole number");
    parse("submitted_at", "noon", "expected a time as in");
    parse("properties", "x", "`properties` cannot be compared with `eq`: it is a structure");
    parse("priority__contains", "1", "only texts can be searched");
    let order = Order::parse(request_noun(), "-properties").unwrap_err().to_string();
    assert!(order.contains("`order`"), "{order}");
    let refused = async |query: Query, expected: BadQuery| {
        let answer = farm.store.read(move |r| r.page(request_noun(), &query)).await;
        assert_eq!(answer, Err(Error::BadQuery(expected)));
    };
    for limit in [0, LIMIT_MAX + 1] {
        let query = Query { limit: Some(limit), ..Query::default() };
        refused(query, BadQuery::BadLimit { limit, max: LIMIT_MAX }).await;
    }
    let cursor = page(&farm, Query { limit: Some(1), ..Query::default() }).await.next;
    let order = Some(Order { field: "builder".to_owned(), descending: false });
    refused(Query { cursor, order, ..Query::default() }, BadQuery::BadCursor).await;
    let cursor = Some("zz".to_owned());
    refused(Query { cursor, ..Query::default() }, BadQuery::BadCursor).await;
}
