/* Unit tests of the pickle machine: what pickles are worth, and what they are refused for. Storages are made up: data/K
 * has 64 bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checkpoint/testing.h"
#include "checkpoint/unpickle.h"

#define STORAGE_BYTES 64

static int find_storage(void *user, struct cove__slice key, enum cove_dtype dtype, int64_t count,
                        struct cove__storage **ret, struct cove_error *err)
{
    (void)dtype;
    (void)count;
    if (!cove__slice_is(key, "0"))
        return cove__fail(err, COVE_ECORRUPT, "no such record");
    return cove__storage_new(user, 0, STORAGE_BYTES, NULL, ret, err);
}

static int unpickle(struct cove__slice pickle, cove_value **ret, struct cove_error *err)
{
    static struct testing_file file; /* as long as any tree */
    file = (struct testing_file){ .bytes = cove__slice("", 0) };
    struct cove__source *source = testing_source(&file, 0);
    struct cove__storage_finder finder = { find_storage, source };
    if (!source)
        return cove__fail_nomem(err, "a source");
    int rc = cove__unpickle(pickle, &finder, ret, err);
    cove__source_unref(source);
    if (rc < 0)
        assert_true(file.is_closed); /* nothing of the failed tree is left */
    return rc;
}

/* A load of everything: opaque values are refused. */
static int unpickle_plain(struct cove__slice pickle, cove_value **ret, struct cove_error *err)
{
    cove_value *tree = NULL;
    int rc = unpickle(pickle, &tree, err);
    if (rc == 0)
        rc = cove__opaque_check(tree, "", err);
    if (rc == 0)
        *ret = tree;
    else
        cove_value_unref(tree);
    return rc;
}

/* ---- the worth of pickles ---- */

/* `cove__slice` is no constant: these tables are filled with what it would give. */
#define PICKLE(s)                                                                                                      \
    {                                                                                                                  \
        (const uint8_t *)(s), sizeof(s) - 1                                                                            \
    }
#define IN                   "\x80\x02"
#define GLOBAL(module, name) "c" module "\n" name "\n"
#define DICT                 GLOBAL("collections", "OrderedDict") ")R"
#define STORAGE(class)                                                                                                 \
    "(X\x07\0\0\0storagec" class "\nX\x01\0\0\0"                                                                       \
                                 "0X\x03\0\0\0cpuK\x10tQ"
#define V2(rest) GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE("torch\nFloatStorage") rest "\x89" DICT "tR"
#define V3(rest, dtype)                                                                                                \
    GLOBAL("torch._utils", "_rebuild_tensor_v3")                                                                       \
    "(" STORAGE("torch.storage\nUntypedStorage") rest "\x89" DICT "ctorch\n" dtype "\ntR"

#define CUDA GLOBAL("torch", "device") "X\6\0\0\0cuda:0\x85R"
#define PATH GLOBAL("pathlib._local", "PosixPath")
#define ZERO "G\0\0\0\0\0\0\0\0"

static const struct {
    const char *shown;
    struct cove__slice pickle;
} good[] = {
    { "None", PICKLE(IN "N.") },
    { "True", PICKLE(IN "\x88.") },
    { "[1, 'a']", PICKLE("](K\1U\1ae.") }, /* protocol 1 has no PROTO, and has Python 2's str */
    { "('a', '\xc3\xa9')", PICKLE(IN "T\1\0\0\0aU\2\xc3\xa9\x86.") },
    { "[0, 255, 256, 65535, -1, -2147483648]", PICKLE(IN "](K\0K\xffM\0\1M\xff\xffJ\xff\xff\xff\xffJ\0\0\0\x80"
                                                         "e.") },
    { "(0, -1, 128, 1099511627776)", PICKLE(IN "(\x8a\0\x8a\1\xff\x8a\2\x80\0\x8a\6\0\0\0\0\0\1t.") },
    { "(9223372036854775807, -9223372036854775808)",
      PICKLE(IN "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\x09\0\0\0\0\0\0\0\x80\xff\x86.") },
    { "1.5", PICKLE(IN "G\x3f\xf8\0\0\0\0\0\0.") },
    { "('a', 'b', 'c')", PICKLE("\x80\x04X\1\0\0\0a\x8c\1b\x8d\1\0\0\0\0\0\0\0c\x87.") },
    { "(b'00ff', b'01', b'02', b'03')", PICKLE("\x80\x05(C\2\0\xff"
                                               "B\1\0\0\0\1\x8e\1\0\0\0\0\0\0\0\2\x96\1\0\0\0\0\0\0\0\3t.") },
    { "{'a': [1, 2], 3: {}}", PICKLE(IN "}(X\1\0\0\0a](K\1K\2eK\3}u.") },
    { "{'a': 2}", PICKLE(IN "}X\1\0\0\0aK\1sX\1\0\0\0aK\2s.") },
    { "{'k': 7}", PICKLE(IN "(X\1\0\0\0kK\7d.") },
    { "[1, 2]", PICKLE(IN "(K\1K\2l.") },
    { "[1, 2]", PICKLE("\x80\x04\x8f(K\1K\2K\1\x90.") }, /* a set has no repeats */
    { "[1, '2']", PICKLE("\x80\x04(K\1X\1\0\0\0002\x88\x91.") },
    { "([], [])", PICKLE(IN "]q\0h\0\x86.") },
    { "(1, 1)", PICKLE("\x80\x04K\1\x94j\0\0\0\0\x86.") },
    { "(1, 1)",
      PICKLE("\x80\x04K\1q\1\x94h\1\x86.") }, /* MEMOIZE uses the number of entries, not the last index plus 1 */
    { "1", PICKLE("\x80\x04\x95\3\0\0\0\0\0\0\0K\1.") },
    { "1", PICKLE(IN "K\1K\2"
                     "0.") },
    { "1", PICKLE(IN "K\1(K\2K\3"
                     "1.") },
    { "(1, 1)", PICKLE(IN "K\1"
                          "2\x86.") },
    /* keys of every kind; of equal ones the first stays */
    { "{True: 5}", PICKLE(IN "}\x88K\5s.") },
    { "{True: 7}", PICKLE(IN "}(\x88K\5K\1K\6G\x3f\xf0\0\0\0\0\0\0K\7u.") },
    { "{0: 6}", PICKLE(IN "}(K\0K\5G\x80\0\0\0\0\0\0\0K\6u.") },
    { "{1: 6, '1': 7, b'31': 8}", PICKLE("\x80\x04}(K\1K\6X\1\0\0\0001K\7C\0011K\10u.") },
    { "{None: 1, (1, (2, 'x')): 3, (): 4}",
      PICKLE(IN "}(NK\1K\1K\2X\1\0\0\0x\x86\x86K\2K\1G\x40\0\0\0\0\0\0\0X\1\0\0\0x\x86\x86K\3)K\4u.") },
    { "{0.5: 1}", PICKLE(IN "}G\x3f\xe0\0\0\0\0\0\0K\1s.") },
    { "{'torch.float32': 1}", PICKLE(IN "}" GLOBAL("torch", "float32") "K\1s.") },
    /* keys that differ in Python stay separate, although only their text or parts are kept */
    { "{'cuda:0': 1}", PICKLE(IN "}" CUDA "K\1s.") },
    { "{<torch.device>: 1, 'cuda:0': 2}", PICKLE(IN "}(" CUDA "K\1X\6\0\0\0cuda:0K\2u.") },
    { "{'cuda:0': 2, <torch.device>: 1}", PICKLE(IN "}(X\6\0\0\0cuda:0K\2" CUDA "K\1u.") },
    { "{'cuda:0': 2}", PICKLE(IN "}(" CUDA "K\1" CUDA "K\2u.") },
    { "{<torch.dtype>: 1, 'torch.int8': 2}", PICKLE(IN "}(" GLOBAL("torch", "int8") "K\1X\x0a\0\0\0torch.int8K\2u.") },
    { "{<builtins.type>: 1, 'builtins.int': 2}",
      PICKLE(IN "}(" GLOBAL("builtins", "int") "K\1X\x0c\0\0\0builtins.intK\2u.") },
    { "{<torch.layout>: 1, 'torch.jagged': 2}",
      PICKLE(IN "}(" GLOBAL("torch.serialization",
                            "_get_layout") "X\x0c\0\0\0torch.jaggedq\1\x85RK\1h\1K\2u.") }, /* not the shared text */
    { "{<pathlib.Path>: 1, 'x': 2}",
      PICKLE(IN "}(" GLOBAL("pathlib", "PosixPath") "X\1\0\0\0x\x85RK\1X\1\0\0\0xK\2u.") },
    { "{<builtins.complex>: 1, (0, 0): 2}",
      PICKLE(IN "}(" GLOBAL("builtins", "complex") ZERO ZERO "\x86q\1RK\1h\1K\2u.") }, /* its own arguments, too */
    { "{<torch.device>: 1, ('cuda:0'): 2}", PICKLE(IN "}(" CUDA "\x85K\1X\6\0\0\0cuda:0\x85K\2u.") },
    { "{'cuda:0': 1, <pathlib.Path>: 2}", /* the first of two converted keys keeps its place */
      PICKLE(IN "}(" CUDA "K\1" GLOBAL("pathlib", "PosixPath") "X\6\0\0\0cuda:0\x85RK\2u.") },
    { "['cuda:0', 'cuda:0', 1]", PICKLE("\x80\x04\x8f(" CUDA "X\6\0\0\0cuda:0K\1" CUDA "\x90.") },
    /* a frozenset in a key is a tuple */
    { "{(1, 2): 3}", PICKLE(IN "}" GLOBAL("builtins", "frozenset") "](K\1K\2e\x85RK\3s.") },
    { "{(1, 2): 3}", PICKLE("\x80\x04}(K\1K\2\x91K\3s.") },
    { "{(0, ((1))): 3}", PICKLE("\x80\x04}K\0((K\1\x91\x91\x86K\3s.") },
    { "[(1), (), 2]", PICKLE("\x80\x04\x8f((K\1\x91" GLOBAL("builtins", "frozenset") ")RK\2\x90.") },
    { "[[1], ()]", PICKLE("\x80\x04]("
                          "(K\1\x91)e.") }, /* elsewhere a list */
    { "{<builtins.frozenset>: 3, (1): 4}", PICKLE("\x80\x04}((K\1\x91K\3K\1\x85K\4u.") },
    /* ints above 64 bits, as values and as keys, equal to doubles of the same value */
    { "65 bits 000000000000008000", PICKLE(IN "\x8a\x09\0\0\0\0\0\0\0\x80\0.") },
    { "65 bits ffffffffffffff7fff", PICKLE(IN "\x8a\x0a\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff.") },
    { "65 bits 000000000000008000", PICKLE(IN "\x8b\x0a\0\0\0\0\0\0\0\0\0\0\x80\0\0.") },
    { "{65 bits 000000000000008000: 2}", PICKLE(IN "}(\x8a\x09\0\0\0\0\0\0\0\x80\0K\1G\x43\xe0\0\0\0\0\0\0K\2u.") },
    { "{-1.8446744073709552e+19: 2}", PICKLE(IN "}(G\xc3\xf0\0\0\0\0\0\0K\1\x8a\x09\0\0\0\0\0\0\0\0\xffK\2u.") },
    /* names */
    { "{}", PICKLE(IN DICT ".") },
    { "{'a': 1}", PICKLE(IN GLOBAL("collections", "OrderedDict") "]](X\1\0\0\0aK\1eaq\0\x85R.") },
    { "{'a': 1}", PICKLE(IN DICT "X\1\0\0\0aK\1s}X\1\0\0\0xK\2sb.") }, /* attributes of a dict are dropped */
    { "{'a': 1}", PICKLE(IN GLOBAL("collections", "Counter") "}X\1\0\0\0aK\1s\x85R.") },
    { "{'a': []}", PICKLE(IN GLOBAL("collections", "defaultdict") GLOBAL("__builtin__", "list") "\x85RX\1\0\0\0a]s.") },
    { "{'a': None}", PICKLE(IN GLOBAL("argparse", "Namespace") ")\x81}X\1\0\0\0aNsb"
                                                               "2b.") }, /* its own state, too */
    { "{'lr': 1}", PICKLE(IN GLOBAL("argparse", "Namespace") ")\x81}X\2\0\0\0lrK\1sb.") },
    { "{'lr': 1}", PICKLE(IN GLOBAL("pytorch_lightning.utilities.parsing", "AttributeDict") ")\x81X\2\0\0\0lrK\1s.") },
    /* a new container, whatever becomes of the old one */
    { "([1], [])", PICKLE(IN "]q\0" GLOBAL("builtins", "list") "h\0\x85Rq\1"
                                                               "0K\1ah\1\x86.") },
    { "({'a': 1}, {})", PICKLE(IN "}q\0" GLOBAL("collections", "Counter") "h\0\x85Rq\1"
                                                                          "0X\1\0\0\0aK\1sh\1\x86.") },
    /* a state that is not a dict is not dropped in silence */
    { "<builtins.object>", PICKLE(IN GLOBAL("argparse", "Namespace") ")\x81N}X\1\0\0\0aK\1s\x86"
                                                                     "b.") },
    { "[<builtins.object>, <builtins.object>]",
      PICKLE(IN "](" GLOBAL("argparse", "Namespace") ")\x81q\0" GLOBAL("my", "State") "bh\0e.") },
    { "{}", PICKLE(IN GLOBAL("argparse", "Namespace") ")\x81Nb.") },
    { "<my.Metadata>", PICKLE(IN GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE(
                           "torch\nFloatStorage") "K\0))\x89" DICT GLOBAL("my", "Metadata") "tR.") },
    { "float32@0[]", PICKLE(IN GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE(
                         "torch\nFloatStorage") "K\0))\x89" DICT "NtR.") },
    { "'torch.int4'", PICKLE(IN GLOBAL("torch", "int4") ".") },
    { "'cuda:12'", PICKLE(IN GLOBAL("torch", "device") "X\7\0\0\0cuda:12\x85R.") },
    { "'torch.strided'", PICKLE(IN GLOBAL("torch.serialization", "_get_layout") "X\x0d\0\0\0torch.strided\x85R.") },
    { "[1]", PICKLE("]K\1a.") }, /* protocol 1: it has no PROTO */
    { "1", PICKLE("K\1\x80\0.") },
    { "(2, 3)", PICKLE(IN GLOBAL("torch", "Size") "K\2K\3\x86\x85R.") },
    { "('cuda:1', 'cpu')",
      PICKLE(IN GLOBAL("torch", "device") "X\4\0\0\0cudaK\1\x86R" GLOBAL("torch", "device") "X\3\0\0\0cpu\x85R\x86.") },
    { "'torch.float32'", PICKLE(IN GLOBAL("torch", "float32") ".") },
    { "b'00c3bf80'",
      PICKLE(IN GLOBAL("_codecs", "encode") "X\7\0\0\0\0\xc3\x83\xc2\xbf\xc2\x80X\6\0\0\0latin1\x86R.") },
    { "b''", PICKLE(IN GLOBAL("__builtin__", "bytes") ")R.") },
    { "b'71'", PICKLE(IN GLOBAL("__builtin__", "bytearray") "X\1\0\0\0qX\7\0\0\0latin-1\x86R.") },
    { "[1]", PICKLE(IN GLOBAL("__builtin__", "set") "]K\1a\x85R.") },
    { "(0, 1)", PICKLE(IN GLOBAL("__builtin__", "complex") "G\0\0\0\0\0\0\0\0G\x3f\xf0\0\0\0\0\0\0\x86R.") },
    { "'/home/me'", PICKLE(IN GLOBAL("pathlib", "PosixPath") "X\1\0\0\0/X\4\0\0\0homeX\2\0\0\0me\x87R.") },
    { "'.'", PICKLE(IN GLOBAL("pathlib", "PosixPath") ")R.") },
    { "'/b'", PICKLE(IN PATH "X\1\0\0\0aX\2\0\0\0/b\x86R.") }, /* as Python 3.13 has the parts */
    { "'a/b/c'", PICKLE(IN PATH "X\7\0\0\0a/./b//X\1\0\0\0c\x86R.") },
    { "'a'", PICKLE(IN PATH "X\0\0\0\0X\1\0\0\0aX\0\0\0\0\x87R.") },
    { "'//a'", PICKLE(IN PATH "X\3\0\0\0//a\x85R.") },
    { "'/a/..'", PICKLE(IN PATH "X\x0c\0\0\0///./a/.././\x85R.") },
    { "'.'", PICKLE(IN PATH "X\2\0\0\0./\x85R.") },
    { "{}", PICKLE("\x80\x04\x8c\x0b"
                   "collections\x8c\x0bOrderedDict\x93)R.") },
    { "{'a': 1}",
      PICKLE(IN GLOBAL("collections", "defaultdict") GLOBAL("__builtin__", "long") "\x85RX\1\0\0\0aK\1s.") },
    { "{'a': ''}",
      PICKLE(IN GLOBAL("collections", "defaultdict") GLOBAL("__builtin__", "unicode") "\x85RX\1\0\0\0aX\0\0\0\0s.") },
    { "{}", PICKLE(IN GLOBAL("collections", "defaultdict") GLOBAL("__builtin__", "tuple") "\x85R.") },
    { "{}", PICKLE(IN GLOBAL("collections", "defaultdict") GLOBAL("my", "factory") "\x85R.") },
    { "('builtins.int', 'builtins.str', 'builtins.tuple')",
      PICKLE(IN GLOBAL("__builtin__", "long") GLOBAL("__builtin__", "unicode")
                 GLOBAL("__builtin__", "tuple") "\x87.") },
    /* opaque: arguments, state and items are parsed and dropped, the memo's entries stay */
    { "<my.Class>", PICKLE(IN GLOBAL("my", "Class") ".") },
    { "<my.Class>", PICKLE("\x80\x04\x8c\2my\x8c\5Class\x93.") },
    { "[<my.Class>, 7]", PICKLE(IN "](" GLOBAL("my", "Class") "K\7q\1\x85Rh\1e.") },
    { "[<my.Class>, {'x': 1}]", PICKLE(IN "](" GLOBAL("my", "Class") ")\x81}X\1\0\0\0xK\1sq\1bh\1e.") },
    { "<my.Class>", PICKLE("\x80\x04" GLOBAL("my", "Class") ")}X\1\0\0\0xK\1s\x92.") },
    { "{}", PICKLE("\x80\x04" GLOBAL("collections", "OrderedDict") ")}\x92.") },
    { "<my.List>", PICKLE(IN GLOBAL("my", "List") ")\x81K\1a(K\2K\3e.") },
    { "<my.Dict>", PICKLE(IN GLOBAL("my", "Dict") ")RK\1K\2s(K\2K\3u.") },
    { "<my.Set>", PICKLE("\x80\x04" GLOBAL("my", "Set") ")\x81(K\2K\3\x90.") },
    { "<my.Model>", /* with the source of its class, as torch before 1.6 */
      PICKLE(IN "(X\6\0\0\0module" GLOBAL("my", "Model") "X\1\0\0\0fX\1\0\0\0stQ)\x81}b.") },
    { "<my.made>", PICKLE(IN GLOBAL("my", "made") ")R)R.") },
    { "(<my.A>, float32@0[])", PICKLE(IN GLOBAL("my", "A") V2("K\0))") "q\1\x85Rh\1\x86.") },
    { "<my.A>", PICKLE(IN GLOBAL("my", "A") "]q\0h\0a\x85R.") }, /* a list that contains itself is dropped */
    { "1", PICKLE(IN "]q\0h\0a0K\1.") },
    { "<torch._utils._rebuild_sparse_tensor>", PICKLE(IN GLOBAL("torch._utils", "_rebuild_sparse_tensor") ")R.") },
    { "<torch.QInt8Storage>", PICKLE(IN GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE(
                                  "torch\nQInt8Storage") "K\0))\x89" DICT "tR.") },
    { "<torch.moon8>", PICKLE(IN V3("K\0))", "moon8") ".") },
    { "<my.Tensor>",
      PICKLE(IN GLOBAL("torch._tensor", "_rebuild_from_type_v2") "(" GLOBAL("torch._utils", "_rebuild_tensor_v2")
                 GLOBAL("my", "Tensor") "(" STORAGE("torch\nFloatStorage") "K\0))\x89" DICT "t}tR.") },
    { "<my.Int>", PICKLE(IN V2("K\0" GLOBAL("my", "Int") ")R\x85K\1\x85") ".") },
    { "(<my.Int>)", PICKLE(IN GLOBAL("torch", "Size") GLOBAL("my", "Int") ")R\x85\x85R.") },
    { "{<my.A>: 1, <my.A>: 2, (<my.A>, 1): 3}", /* as keys, compared by identity */
      PICKLE(IN "}(" GLOBAL("my", "A") "q\1)RK\1h\1)RK\2h\1)RK\1\x86K\3u.") },
    /* containers that contain themselves */
    { "[<list above>]", PICKLE(IN "]q\0h\0a.") },
    { "{'x': (<dict above>)}", PICKLE(IN "}q\0X\1\0\0\0x(h\0ts.") },
    { "[(<list above>)]", PICKLE(IN "]q\0h\0\x85q\1a.") },
    { "([<tuple above>])", PICKLE(IN "]q\0h\0\x85q\1a0h\1.") }, /* as Python writes it from the tuple's side */
    { "[[[<list above>]], [<list above>]]", PICKLE(IN "](]q\0]q\1h\0aah\1e.") },
    { "[[<list above>], [<list above>]]", PICKLE(IN "]q\0(]q\1h\0ah\1e.") },
    { "{'me': <dict above>}", PICKLE(IN GLOBAL("argparse", "Namespace") ")\x81q\0}X\2\0\0\0meh\0sb.") },
    /* tensors */
    { "float32@0[2,8;8,1]", PICKLE(IN V2("K\0K\2K\x08\x86K\x08K\1\x86") ".") },
    { "float32@8[3;2]", PICKLE(IN V2("K\2K\3\x85K\2\x85") ".") },
    { "float32@60[]", PICKLE(IN V2("K\x0f))") ".") },
    { "float32@0[0,9;1,1]", PICKLE(IN V2("K\x63K\0K\x09\x86K\1K\1\x86") ".") }, /* nothing is anywhere */
    { "float32@0[1000000,16;0,1]", PICKLE(IN V2("K\0J\x40\x42\x0f\0K\x10\x86K\0K\1\x86") ".") },
    { "uint16@6[5;1]", PICKLE(IN V3("K\3K\5\x85K\1\x85", "uint16") ".") },
    { "float32@0[16;1]",
      PICKLE(IN GLOBAL("torch._utils", "_rebuild_parameter") V2("K\0K\x10\x85K\1\x85") "\x88" DICT "\x87R.") },
    { "uint8@0[64;1]", PICKLE(IN STORAGE("torch.storage\nUntypedStorage") ".") },
    { "uint8@1[3;1]", PICKLE(IN GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE(
                          "torch.storage\nUntypedStorage") "K\1K\3\x85K\1\x85\x89" DICT "tR.") },
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct cove_error err = COVE_ERROR_INIT;
        struct cove__buf shown = COVE__BUF_INIT(TESTING_MAX);
        cove_value *tree = NULL;
        if (unpickle(good[i].pickle, &tree, &err) < 0)
            fail_msg("pickle %zu, %s: %s", i, good[i].shown, err.message);
        testing_describe(tree, &shown);
        assert_string_equal(cove__buf_str(&shown), good[i].shown);
        cove__buf_done(&shown);
        cove_value_unref(tree);
    }
}

/* ---- refusals ---- */

static const struct {
    int code;
    const char *message; /* a part of it */
    struct cove__slice pickle;
} bad[] = {
    { COVE_EUNSAFE, "posix.system", PICKLE(IN GLOBAL("posix", "system") "X\2\0\0\0id\x85R.") },
    { COVE_EUNSAFE, "\"a.1\" needs my.Class, which cove does not read: load with `paths`, `lazy` or `allow_opaque`",
      PICKLE(IN "}X\1\0\0\0a](N" GLOBAL("my", "Class") ")Res.") },
    { COVE_EUNSAFE, "\"a.(a tuple).0\" needs my.Class",
      PICKLE(IN "}X\1\0\0\0a}" GLOBAL("my", "Class") ")RK\1\x86Nss.") },
    { COVE_EUNSAFE, "builtins.eval", PICKLE(IN GLOBAL("__builtin__", "eval") ".") },
    { COVE_EUNSAFE, "builtins.getattr",
      PICKLE("\x80\x04\x8c\x08"
             "builtins\x8c\x07getattr\x93.") },
    { COVE_EUNSAFE, "torch.storage._load_from_bytes", PICKLE(IN GLOBAL("torch.storage", "_load_from_bytes") ".") },
    { COVE_EUNSAFE, "collections.OrderedDict?x", PICKLE(IN "ccollections\nOrderedDict x\n.") },
    { COVE_EUNSAFE, "os.?[31m", PICKLE(IN GLOBAL("os", "\x1b[31m") ".") },
    { COVE_EUNSAFE, "calls of builtins.int", PICKLE(IN GLOBAL("__builtin__", "int") "K\1\x85R.") },
    { COVE_EUNSAFE, "instances of builtins.str", PICKLE(IN GLOBAL("__builtin__", "str") ")\x81.") },
    { COVE_ENOTSUP, "_rebuild_sparse_tensor", PICKLE(IN GLOBAL("torch._utils", "_rebuild_sparse_tensor") ")R.") },
    { COVE_ECORRUPT, "a list as the key", PICKLE(IN "}]Ns.") },
    { COVE_ECORRUPT, "a tuple as the key", PICKLE(IN "}]\x85Ns.") },
    { COVE_ECORRUPT, "invalid arguments", /* metadata that is not of bools */
      PICKLE(IN GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE("torch\nFloatStorage") "K\0))\x89" DICT
                                                                                                "}X\1\0\0\0aK\1stR.") },
    { COVE_ECORRUPT, "a set as the key", PICKLE("\x80\x04}\x8fNs.") },
    { COVE_ECORRUPT, "a value that is not a set", PICKLE("\x80\x04(\x91(K\1\x90.") }, /* a frozenset stays as it is */
    { COVE_ENOTSUP, "\"(an opaque torch.device)\": the key cuda:0 is or has a torch.device",
      PICKLE(IN "}(" CUDA "K\1X\6\0\0\0cuda:0K\2u.") },
    { COVE_ECORRUPT, "not torch's", PICKLE(IN "(X\6\0\0\0moduleNNNtQ.") },
    { COVE_ENOTSUP, "state for a tensor", PICKLE(IN V2("K\0))") "}b.") },
    { COVE_EUNSAFE, "the file is a pickled my.Class, not a dict: if it is a model, save its state_dict()",
      PICKLE(IN GLOBAL("my", "Class") ")R.") },
    { COVE_ENOTSUP, "the file is a pickled torch._utils._rebuild_sparse_tensor: ",
      PICKLE(IN GLOBAL("torch._utils", "_rebuild_sparse_tensor") ")R.") },
    { COVE_ENOTSUP, "text protocols", PICKLE(IN "I1\n.") },
    { COVE_ENOTSUP, "torch.QInt8Storage", PICKLE(IN STORAGE("torch\nQInt8Storage") ".") },
    { COVE_ENOTSUP, "torch.bits8", PICKLE(IN V3("K\0))", "bits8") ".") },
    { COVE_ENOTSUP, "a conjugated view of a tensor of float32",
      PICKLE(IN GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE(
          "torch\nFloatStorage") "K\0))\x89" DICT "}X\4\0\0\0conj\x88stR.") },
    { COVE_ENOTSUP, "a negated view of a tensor of bool",
      PICKLE(IN GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE(
          "torch\nBoolStorage") "K\0))\x89" DICT "}X\3\0\0\0neg\x88stR.") },
    { COVE_ECORRUPT, "truncated", PICKLE("") },
    { COVE_ECORRUPT, "truncated", PICKLE(IN "N") },
    { COVE_ECORRUPT, "truncated", PICKLE(IN "J\1\2") },
    { COVE_ECORRUPT, "truncated", PICKLE(IN "ccollections\nOrdered") },
    { COVE_ECORRUPT, "claims a length of 4294967295", PICKLE(IN "X\xff\xff\xff\xff.") },
    { COVE_ECORRUPT, "claims a length of 18446744073709551615",
      PICKLE("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.") },
    { COVE_ECORRUPT, "a frame claims", PICKLE("\x80\x04\x95\xff\0\0\0\0\0\0\0N.") },
    { COVE_ECORRUPT, "not UTF-8", PICKLE(IN "X\2\0\0\0\xc0\x80.") },
    { COVE_ECORRUPT, "not UTF-8", PICKLE(IN "U\1\xff.") },
    { COVE_ECORRUPT, "unknown opcode 0x7f", PICKLE(IN "\x7f.") },
    { COVE_ECORRUPT, "not end with exactly one value", PICKLE(IN ".") },
    { COVE_ECORRUPT, "not end with exactly one value", PICKLE(IN "NN.") },
    { COVE_ECORRUPT, "not end with exactly one value", PICKLE(IN "N(.") },
    { COVE_ECORRUPT, "the stack is too low", PICKLE(IN "0.") },
    { COVE_ECORRUPT, "the stack is too low", PICKLE(IN "K\1\x86.") },
    { COVE_ECORRUPT, "the stack is too low", PICKLE(IN "](K\1a.") }, /* not beyond the mark */
    { COVE_ECORRUPT, "no mark is open", PICKLE(IN "K\1t.") },
    { COVE_ECORRUPT, "no container stands below the mark", PICKLE(IN "(K\1e.") },
    { COVE_ECORRUPT, "not a list", PICKLE(IN "}K\1a.") },
    { COVE_ECORRUPT, "not a dict", PICKLE(IN "]K\1K\2s.") },
    { COVE_ECORRUPT, "not a dict", PICKLE(IN "}(K\1u.") },
    { COVE_ECORRUPT, "an unknown memo index", PICKLE(IN "h\0.") },
    { COVE_ECORRUPT, "a memo index that is too large", PICKLE(IN "Nr\xff\xff\xff\xff.") },
    { COVE_ECORRUPT, "a memo entry for an empty stack", PICKLE(IN "q\0.") },
    { COVE_ECORRUPT, "not a name", PICKLE(IN "K\1)R.") },
    { COVE_ECORRUPT, "named arguments", PICKLE("\x80\x04" GLOBAL("collections", "OrderedDict") ")}K\1K\2s\x92.") },
    { COVE_ECORRUPT, "the stack is too low", PICKLE("\x80\x04)}\x92.") },
    { COVE_ECORRUPT, "tuple of arguments", PICKLE(IN GLOBAL("collections", "OrderedDict") "]R.") },
    { COVE_ECORRUPT, "a name that is not a string", PICKLE("\x80\x04K\1K\2\x93.") },
    { COVE_ECORRUPT, "not torch's", PICKLE(IN "K\1Q.") },
    { COVE_ECORRUPT, "not torch's", PICKLE(IN "(X\x07\0\0\0storageNNNNtQ.") },
    { COVE_ECORRUPT, "no such record",
      PICKLE(IN "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
                "9X\x03\0\0\0cpuK\x10tQ.") },
    { COVE_ECORRUPT, "reaches beyond its storage", PICKLE(IN V2("K\1K\x10\x85K\1\x85") ".") },
    { COVE_ECORRUPT, "reaches beyond its storage", PICKLE(IN V2("K\0K\2\x85K\x10\x85") ".") },
    { COVE_ECORRUPT, "reaches beyond its storage", PICKLE(IN V2("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f))") ".") },
    { COVE_ECORRUPT, "shape or strides",
      PICKLE(IN V2("K\0\x8a\x08\0\0\0\0\0\0\0\x40K\x08\x86\x8a\x08\0\0\0\0\0\0\0\x40K\1\x86") ".") },
    { COVE_ECORRUPT, "shape or strides", PICKLE(IN V2("K\0J\xff\xff\xff\xff\x85K\1\x85") ".") },
    { COVE_ECORRUPT, "shape or strides", PICKLE(IN V2("K\0K\2\x85J\xff\xff\xff\xff\x85") ".") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN V2("J\xff\xff\xff\xff))") ".") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN V2("K\0K\1\x85)") ".") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN V2("K\0N)") ".") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN GLOBAL("torch", "Size") ")R.") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN GLOBAL("torch", "Size") "X\1\0\0\0a\x85\x85R.") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN GLOBAL("torch", "device") "X\0\0\0\0\x85R.") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN GLOBAL("torch", "device") "X\5\0\0\0cpu:0K\1\x86R.") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN GLOBAL("torch", "device") "X\4\0\0\0cudaJ\xff\xff\xff\xff\x86R.") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN GLOBAL("torch", "device") "X\6\0\0\0cpu:00\x85R.") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN GLOBAL("torch", "device") "X\7\0\0\0cpu:128\x85R.") },
    { COVE_ECORRUPT, "invalid arguments",
      PICKLE(IN GLOBAL("torch.serialization", "_get_layout") "X\7\0\0\0torch.x\x85R.") },
    { COVE_ECORRUPT, "invalid arguments", /* no hooks, and a number for requires_grad */
      PICKLE(IN GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE("torch\nFloatStorage") "K\0))\x89tR.") },
    { COVE_ECORRUPT, "invalid arguments",
      PICKLE(IN GLOBAL("torch._utils", "_rebuild_tensor_v2") "(" STORAGE("torch\nFloatStorage") "K\0))K\1NtR.") },
    { COVE_ECORRUPT, "invalid arguments",
      PICKLE(IN GLOBAL("torch._utils", "_rebuild_parameter") V2("K\0))") "\x85R.") },
    { COVE_ECORRUPT, "invalid arguments", PICKLE(IN GLOBAL("_codecs", "encode") "X\0\0\0\0X\6\0\0\0latin1N\x87R.") },
    { COVE_ECORRUPT, "invalid arguments",
      PICKLE(IN GLOBAL("_codecs", "encode") "X\2\0\0\0\xc4\x80X\6\0\0\0latin1\x86R.") },
    { COVE_ECORRUPT, "invalid arguments",
      PICKLE(IN GLOBAL("torch._tensor", "_rebuild_from_type_v2") "(" GLOBAL("torch._tensor", "_rebuild_from_type_v2")
                 GLOBAL("torch", "Tensor") ")}tR.") },
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct cove_error err = COVE_ERROR_INIT;
        cove_value *tree = NULL;
        int rc = unpickle_plain(bad[i].pickle, &tree, &err);
        if (rc != bad[i].code || err.code != rc || !strstr(err.message, bad[i].message))
            fail_msg("pickle %zu (%s): %s, %s", i, bad[i].message, cove_code_name(rc), err.message);
        assert_null(tree);
    }
}

/* Without an error to fill in, the code is the same. */
static void test_no_error_struct(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cove_value *tree = NULL;
        assert_int_equal(unpickle_plain(bad[i].pickle, &tree, NULL), bad[i].code);
    }
}

/* ---- bombs ---- */

static int unpickle_buf(struct cove__buf *pickle, struct cove_error *err)
{
    cove_value *tree = NULL;
    assert_int_equal(cove__buf_rc(pickle), 0);
    int rc = unpickle(cove__buf_slice(pickle), &tree, err);
    cove_value_unref(tree);
    cove__buf_done(pickle);
    return rc;
}

static void test_depth(void **state)
{
    (void)state;
    for (int deep = 0; deep < 2; deep++) {
        struct cove_error err = COVE_ERROR_INIT;
        struct cove__buf p = COVE__BUF_INIT(TESTING_MAX);
        int depth = deep ? 1000000 : COVE__VALUE_MAX_DEPTH;
        cove__buf_add(&p, IN, 2);
        for (int i = 0; i < depth; i++)
            cove__buf_add_char(&p, ']');
        for (int i = 1; i < depth; i++)
            cove__buf_add_char(&p, 'a');
        cove__buf_add_char(&p, '.');
        assert_int_equal(unpickle_buf(&p, &err), deep ? COVE_ELIMIT : 0);
    }
}

/* Shared lists that double thirty times: small, and a billion values for a walk. */
static void test_doubling(void **state)
{
    (void)state;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf p = COVE__BUF_INIT(TESTING_MAX);
    cove__buf_add(&p, IN "K\1", 4);
    for (int i = 0; i < 30; i++)
        cove__buf_add_str(&p, "2\x86");
    cove__buf_add_char(&p, '.');
    assert_int_equal(unpickle_buf(&p, &err), COVE_ELIMIT);
    assert_non_null(strstr(err.message, "tree of more than"));
}

/* The same tuple twice, one deep and one high up: the height counts, not the first visit. */
static void test_height_of_shared(void **state)
{
    (void)state;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf p = COVE__BUF_INIT(TESTING_MAX);
    cove__buf_add(&p, IN "]q\0(", 6);
    cove__buf_add_str(&p, "N");
    for (int i = 0; i < 750; i++)
        cove__buf_add_str(&p, "\x85");
    cove__buf_add(&p, "q\1h\1", 4);
    for (int i = 0; i < 300; i++)
        cove__buf_add_str(&p, "\x85");
    cove__buf_add_str(&p, "e.");
    assert_int_equal(unpickle_buf(&p, &err), COVE_ELIMIT);
}

/* One long string as the key of many dicts: a few bytes each, and a copy of the string each. */
static void test_copies(void **state)
{
    (void)state;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf p = COVE__BUF_INIT(TESTING_MAX);
    uint32_t size = 1u << 20;
    cove__buf_add(&p, IN "]X", 4);
    for (int i = 0; i < 4; i++)
        cove__buf_add_char(&p, (char)(size >> (8 * i)));
    for (uint32_t i = 0; i < size; i++)
        cove__buf_add_char(&p, 'k');
    cove__buf_add(&p,
                  "q\0"
                  "0(",
                  4);
    for (int i = 0; i < 1000; i++)
        cove__buf_add(&p, "}h\0Ns", 5);
    cove__buf_add_str(&p, "e.");
    assert_int_equal(unpickle_buf(&p, &err), COVE_ELIMIT);
    assert_non_null(strstr(err.message, "MiB of memory"));
}

/* A key with as many combinations as a dict has slots for: all of them are there, and only one is found by its text. */
static void test_keys_of_one_text(void **state)
{
    (void)state;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf p = COVE__BUF_INIT(TESTING_MAX);
    cove_value *tree = NULL, *key = cove_value_new_tuple();
    cove__buf_add(&p,
                  IN CUDA "q\0"
                          "0X\6\0\0\0cuda:0q\1"
                          "0}(",
                  sizeof(IN CUDA "q\0"
                                 "0X\6\0\0\0cuda:0q\1"
                                 "0}(") -
                      1);
    for (int i = 0; i < 1024; i++) {
        cove__buf_add_char(&p, '(');
        for (int bit = 0; bit < 10; bit++)
            cove__buf_add(&p, i >> bit & 1 ? "h\1" : "h\0", 2);
        cove__buf_add(&p, "tM", 2);
        cove__buf_add_char(&p, (char)i);
        cove__buf_add_char(&p, (char)(i >> 8));
    }
    cove__buf_add_str(&p, "u.");
    if (unpickle(cove__buf_slice(&p), &tree, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(cove_value_length(tree), 1024);
    for (int bit = 0; bit < 10; bit++)
        assert_int_equal(cove_value_append(key, cove_value_new_string("cuda:0"), &err), 0);
    assert_ptr_equal(cove_value_dict_get_by_value(tree, key),
                     cove_value_item(tree, 1023)); /* the one of strings alone */
    assert_int_equal(cove_value_type(cove_value_key(tree, 1022)), COVE_VALUE_OPAQUE);
    cove_value_unref(key);
    cove_value_unref(tree);
    cove__buf_done(&p);
}

/* Calls with one tuple of a million arguments: the items that each reads are counted. */
static void test_calls(void **state)
{
    (void)state;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf p = COVE__BUF_INIT(TESTING_MAX);
    cove__buf_add_str(&p, GLOBAL("torch._utils", "_rebuild_qtensor") "2(");
    for (int i = 0; i < 1000000; i++)
        cove__buf_add_char(&p, 'N');
    cove__buf_add(&p, "tq\1R0", 5);
    for (int i = 0; i < 1000; i++)
        cove__buf_add_str(&p, "2h\1R0");
    cove__buf_add_str(&p, ".");
    assert_int_equal(unpickle_buf(&p, &err), COVE_ELIMIT);
    assert_non_null(strstr(err.message, "MiB of memory"));
}

/* As many values as there are bytes: what a save has written can be loaded. */
static void test_values_of_one_byte(void **state)
{
    (void)state;
    for (const char *op = "N}])"; *op; op++) {
        struct cove_error err = COVE_ERROR_INIT;
        struct cove__buf p = COVE__BUF_INIT(TESTING_MAX);
        cove__buf_add_str(&p, "](");
        for (int i = 0; i < (*op == 'N' ? 4500000 : 1000000); i++)
            cove__buf_add_char(&p, *op);
        cove__buf_add_str(&p, "e.");
        if (unpickle_buf(&p, &err) < 0)
            fail_msg("%c: %s", *op, err.message);
    }
}

/* Keys that fall into one slot of a hash without a seed do not make a dict slow; many keys are found again. */
static void test_large_dict(void **state)
{
    (void)state;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf p = COVE__BUF_INIT(TESTING_MAX);
    cove_value *tree = NULL;
    cove__buf_add(&p, IN "}(", 4);
    for (int i = 0; i < 100000; i++) {
        char key[16];
        int n = snprintf(key, sizeof(key), "%07d", i);
        cove__buf_add(&p, "X\7\0\0\0", 5);
        cove__buf_add(&p, key, (size_t)n);
        cove__buf_add_char(&p, 'N');
    }
    cove__buf_add_str(&p, "u.");
    assert_int_equal(unpickle(cove__buf_slice(&p), &tree, &err), 0);
    assert_int_equal(cove_value_length(tree), 100000);
    assert_ptr_equal(cove_value_dict_get(tree, "0099999"), cove_value_item(tree, 99999));
    assert_null(cove_value_dict_get(tree, "0100000"));
    cove_value_unref(tree);
    cove__buf_done(&p);
}

/* ---- wherever it is cut, whatever byte is wrong, and whenever memory ends ---- */

static void test_mutations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        size_t size = good[i].pickle.size;
        uint8_t *copy = malloc(size + 1);
        for (size_t at = 0; at < size; at++) {
            cove_value *tree = NULL;
            if (unpickle(cove__slice_sub(good[i].pickle, 0, at), &tree, NULL) == 0)
                cove_value_unref(tree);
            for (unsigned byte = 0; byte < 256; byte++) {
                memcpy(copy, good[i].pickle.data, size);
                copy[at] = (uint8_t)byte;
                if (unpickle(cove__slice(copy, size), &tree, NULL) == 0)
                    cove_value_unref(tree);
            }
        }
        free(copy);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        for (unsigned long nth = 1;; nth++) {
            struct cove_error err = COVE_ERROR_INIT;
            cove_value *tree = NULL;
            cove__mem_fail(nth, 0);
            int rc = unpickle(good[i].pickle, &tree, &err);
            bool failed = cove__mem_fail(0, 0) >= nth;
            assert_int_equal(rc, failed ? COVE_ENOMEM : 0);
            cove_value_unref(tree);
            if (!failed)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_no_error_struct),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_doubling),
        cmocka_unit_test(test_height_of_shared),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_large_dict),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_keys_of_one_text),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_values_of_one_byte),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
