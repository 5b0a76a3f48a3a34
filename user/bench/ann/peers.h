/* SPDX-License-Identifier: GPL-2.0-only */
/* Other libraries' indexes, for C. */
#ifndef ANN_PEERS_H
#define ANN_PEERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct peer;

enum peer_kind { PEER_HNSWLIB, PEER_FAISS_HNSW, PEER_FAISS_FLAT };

/* NULL, -1: see peer_error(). @rows is the most that will be added. */
struct peer *peer_open(enum peer_kind kind, uint32_t dim, uint64_t rows, uint32_t m,
		       uint32_t ef_construction);
void peer_close(struct peer *p);
/* Append rows; ids count from 0. */
int peer_add(struct peer *p, const float *rows, uint64_t count);
/* Breadth of the searches to come; not while one runs. */
void peer_set_ef(struct peer *p, uint32_t ef);
/* The k nearest of each query, in any order; many threads may search at once. */
int peer_search(struct peer *p, const float *queries, uint64_t nq, uint32_t k, uint64_t *ids);
/* Vectors, links and what finds them, without locks and the map of labels. */
uint64_t peer_bytes(const struct peer *p);
/* The last thing that failed in this thread. */
const char *peer_error(void);

#ifdef __cplusplus
}
#endif
#endif /* ANN_PEERS_H */
