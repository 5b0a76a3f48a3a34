// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inputs to begin with, where random bytes would be long in finding what is meant: text that is
 * a filter or metadata, and calls that give a collection rows with metadata and use them. Numbers
 * of calls are places in the table of ops.c.
 */
#include "fuzz.h"

#define SEED(target, text)	{ target, text, sizeof(text) - 1 }

const struct fuzz_seed fuzz_seeds[] = {
	SEED("expr", "lang == \"de\" and (year >= 2020 or not has year) and title ^= \"The \""),
	SEED("expr", "lang in (\"de\", 'en', \"fr\") && !(score < 0.5 || score > 1e300)"),
	SEED("expr", "a=1 or b!=-9223372036854775808 and c<=9223372036854775807 or d == -0.0"),
	SEED("expr", "x in (1, 2.5, \"\\x00\\n\\t\\\\\\\"\\'\", 0x1p-3, inf)"),
	SEED("expr", "not not not has a_key.with-31-characters_9012 or has A"),
	SEED("expr", "((((((((((((((((a==1))))))))))))))))"),
	SEED("expr", "a==1 and b==2 and c==3 and d==4 and e==5 and f==6 and g==7 and h==8 and "
		     "i==9 and j==10 and k==11 and l==12 and m==13 and n==14 and o==15 and p==16"),
	SEED("expr", "a == 1 and\n\tb == "),
	SEED("record", "0lang=de\nyear=2021\nscore=0.5\ntitle=\"007\"\n+draft"),
	SEED("record", "1a=-9223372036854775808\nb=1e300\nc=\nd='\\x00\\xff\\n'\ne=inf\nf=-0.0"),
	SEED("record", "0:ik=12\n:fl=12\n:sm=12\nnan=nan\nx=0x10\ny=1e\nz= 1"),
	SEED("record", "0a=1\nb=1\nc=1\nd=1\ne=1\nf=1\ng=1\nh=1\ni=1\nj=1\nk=1\nl=1\nm=1\nn=1\n"
		       "o=1\np=1\nq=1"),
	SEED("record", "1text=two  spaces=\\x41 \"quoted\" and \xc3\xbc\xff\n"
		       "a_key.with-31-characters_9012345=1"),
	SEED("record", "0&lang=de year=2021 title=\"two words\\\"\" x='a'b=2\n&\n& z=1\t"),
	SEED("print", "\001\001\010\000k\001\002\003\004\005\006\007\010\002\003\002\000kkhi"),
	SEED("filter", "\x03\x00\x80\x10\x04\x00\x05\x80\x11\x01\x00\x07\x04\x30\x40\x05\x10\x61"),
	SEED("filter", "\x08\x00\x90\x20\x01\x01\x03\x90\x21\x06\x02\x09\x90\x22\x07\x03\x02\x10\x20"),
	SEED("meta", "\x03\x00\x10\x05\x00\x70\x05\x00\x00\xc0\x81\x03\x04\x00\xe1\x00\x70\x03\x01"),
	SEED("meta", "\xe9\x00\x10\x05\x00\x10\x06\x00\x10\x07\x02\x00\x20\x00\x00\xe5\x13\x02\x00\x05"),
	/* Three rows with metadata into "rows", two of those before updated, two set; a filter, a
	 * search with it, a commit. */
	SEED("calls", "\x01"
	     "\x26\x68\x00\x23\x00\x01\x01\x00\x10\x05\x01\x00\x10\x06\x01\x00\x10\x07"
	     "\x28\x68\x01\x22\x00\x02\x01\x00\x10\x09\x01\x00\x10\x09\x03\x01"
	     "\x29\x68\x00\x02\x06\x01\x02\x00\x10\x05\x00\x70\x03\x00\x02\x00\x10\x04\x00\x70\x03\x01"
	     "\x2c\x68\x01\x40\x00\x00\x00\x80\x00\x05\x00\x03"
	     "\x2d\x68\x00\x05\x00\x00\x00\x80\x00\x05\x00\x03\x01\x19\x00"),
	/* Attributes that are set, listed, removed, too large, got. */
	SEED("calls", "\x01\x1e\x62\x00\xf8\x41\x00\x1e\x62\x02\x10\x42\x00\x22\x62\x01\x88\x00\x10"
	     "\x21\x62\x00\x1e\x62\x02\xff\x43\x02\x20\x62\x02\x7f\x19\x00"),
	/* Space ahead of data, data in it, a piece taken out of it, zeros. */
	SEED("calls", "\x01\x23\x62\x00\x84\x05\x84\x20\x0d\x62\x84\x06\x70\x41\x23\x62\x02\x84\x05"
	     "\x84\x03\x25\x62\x10\x00\x19\x00\x24\x62\x03\x10\x7f\x1b\x00\x00"),
	{ 0 }
};
