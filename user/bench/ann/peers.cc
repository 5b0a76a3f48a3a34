// SPDX-License-Identifier: GPL-2.0-only
/*
 * hnswlib and faiss behind a face in C. Each is called as its own benchmarks do it: hnswlib one
 * query a call, for which it keeps a pool of visited lists; faiss many queries in one call, because
 * it makes a visited list in each.
 */
#include <omp.h>

#include <exception>
#include <memory>
#include <string>

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/utils/distances.h>
#include <hnswlib/hnswlib.h>

#include "peers.h"

struct peer {
	virtual ~peer() = default;
	virtual void add(const float *rows, uint64_t count) = 0;
	virtual void search(const float *queries, uint64_t nq, uint32_t k, uint64_t *ids) = 0;
	virtual uint64_t bytes() const = 0;
	virtual void set_ef(uint32_t) {}
};

namespace {

thread_local std::string last_error;

class hnswlib_peer : public peer {
public:
	hnswlib_peer(uint32_t dim, uint64_t rows, uint32_t m, uint32_t ef_construction)
		: dim_(dim), space_(dim), graph_(&space_, rows, m, ef_construction) {}

	void add(const float *rows, uint64_t count) override
	{
		for (uint64_t i = 0; i < count; i++)
			graph_.addPoint(rows + i * dim_, next_++);
	}

	void search(const float *queries, uint64_t nq, uint32_t k, uint64_t *ids) override
	{
		for (uint64_t i = 0; i < nq; i++, ids += k) {
			auto found = graph_.searchKnn(queries + i * dim_, k);

			for (uint32_t j = 0; j < k; j++) {
				ids[j] = found.empty() ? UINT64_MAX : found.top().second;
				if (!found.empty())
					found.pop();
			}
		}
	}

	/* Records of the base (links, vector, label), upper links, pointers to them, levels. */
	uint64_t bytes() const override
	{
		uint64_t each = graph_.size_data_per_element_ + sizeof(char *) + sizeof(int);
		uint64_t sum = next_ * each;

		for (uint64_t i = 0; i < next_; i++)
			sum += (uint64_t)graph_.element_levels_[i] * graph_.size_links_per_element_;
		return sum;
	}

	void set_ef(uint32_t ef) override { graph_.setEf(ef); }

private:
	uint32_t dim_;
	uint64_t next_ = 0;
	hnswlib::L2Space space_;
	hnswlib::HierarchicalNSW<float> graph_;
};

/* Of faiss, what both kinds share. The number of threads is a setting of the calling thread. */
class faiss_peer : public peer {
public:
	void add(const float *rows, uint64_t count) override
	{
		omp_set_num_threads(1);
		index().add(count, rows);
	}

	void search(const float *queries, uint64_t nq, uint32_t k, uint64_t *ids) override
	{
		std::unique_ptr<float[]> distances(new float[nq * k]);

		omp_set_num_threads(1);
		index().search(nq, queries, k, distances.get(), (faiss::Index::idx_t *)ids);
	}

protected:
	virtual faiss::Index &index() = 0;
};

class faiss_hnsw : public faiss_peer {
public:
	faiss_hnsw(uint32_t dim, uint32_t m, uint32_t ef_construction) : index_(dim, m)
	{
		index_.hnsw.efConstruction = ef_construction;
	}

	uint64_t bytes() const override
	{
		const faiss::HNSW &h = index_.hnsw;

		return (uint64_t)index_.ntotal * index_.d * sizeof(float) +
		       h.neighbors.size() * sizeof(h.neighbors[0]) +
		       h.offsets.size() * sizeof(h.offsets[0]) +
		       h.levels.size() * sizeof(h.levels[0]);
	}

	void set_ef(uint32_t ef) override { index_.hnsw.efSearch = ef; }

protected:
	faiss::Index &index() override { return index_; }

private:
	faiss::IndexHNSWFlat index_;
};

class faiss_flat : public faiss_peer {
public:
	faiss_flat(uint32_t dim, uint64_t rows) : index_(dim)
	{
		/* Query by query: batches by BLAS measure the BLAS that happens to be there. */
		faiss::distance_compute_blas_threshold = 1 << 30;
		index_.codes.reserve(rows * dim * sizeof(float));
	}

	uint64_t bytes() const override
	{
		return (uint64_t)index_.ntotal * index_.d * sizeof(float);
	}

protected:
	faiss::Index &index() override { return index_; }

private:
	faiss::IndexFlatL2 index_;
};

template <class F> int guarded(F call)
{
	try {
		call();
		return 0;
	} catch (const std::exception &e) {
		last_error = e.what();
	} catch (...) {
		last_error = "an unknown exception";
	}
	return -1;
}

} /* namespace */

struct peer *peer_open(enum peer_kind kind, uint32_t dim, uint64_t rows, uint32_t m,
		       uint32_t ef_construction)
{
	peer *p = nullptr;

	guarded([&] {
		switch (kind) {
		case PEER_HNSWLIB:
			p = new hnswlib_peer(dim, rows, m, ef_construction);
			break;
		case PEER_FAISS_HNSW:
			p = new faiss_hnsw(dim, m, ef_construction);
			break;
		case PEER_FAISS_FLAT:
			p = new faiss_flat(dim, rows);
			break;
		}
	});
	return p;
}

void peer_close(struct peer *p)
{
	delete p;
}

int peer_add(struct peer *p, const float *rows, uint64_t count)
{
	return guarded([&] { p->add(rows, count); });
}

void peer_set_ef(struct peer *p, uint32_t ef)
{
	p->set_ef(ef);
}

int peer_search(struct peer *p, const float *queries, uint64_t nq, uint32_t k, uint64_t *ids)
{
	return guarded([&] { p->search(queries, nq, k, ids); });
}

uint64_t peer_bytes(const struct peer *p)
{
	return p->bytes();
}

const char *peer_error(void)
{
	return last_error.c_str();
}
