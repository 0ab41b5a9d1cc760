/*
 * The buffer protocol for the stable ABI of Python 3.10.
 *
 * Python counts it to the stable ABI from 3.11 on and declares none of it for older ones. Its functions have been in
 * every Python 3 all the same, "y*" fills in the struct for 3.10 as well, and the struct has had this layout since 3.3,
 * which 3.11 promised for good. So it is declared here, and one extension serves 3.10 too.
 */
#ifndef COVEPY_BUFFER_H
#define COVEPY_BUFFER_H

#if defined(Py_LIMITED_API) && Py_LIMITED_API + 0 < 0x030b0000

typedef struct {
    void *buf;
    PyObject *obj;
    Py_ssize_t len;
    Py_ssize_t itemsize;
    int readonly;
    int ndim;
    char *format;
    Py_ssize_t *shape;
    Py_ssize_t *strides;
    Py_ssize_t *suboffsets;
    void *internal;
} Py_buffer;

PyAPI_FUNC(void) PyBuffer_Release(Py_buffer *view);

#endif
#endif
