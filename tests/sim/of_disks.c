/* Properties of disks whose hosts crash: what was synced is there, names come back as they once were
   together, and locks go with their holder. */
#include "properties.h"

#include <fcntl.h>

static int host;

static void need_host(void)
{
    if (!host)
        host = dure_sim_host_add("disk", "10.0.1.1");
    CHECK(host > 0);
}

/* Lets a program work for a while, crashes its host, and has another look at what is left. */
static void crash_between(dure_fn *work, dure_fn *look)
{
    need_host();
    CHECK_EQ(dure_sim_start(host, work, NULL, 0), 0);
    dure_sleep_for(dure_sim_draw(100) * DURE_MILLISECOND);
    CHECK_EQ(dure_sim_crash(host), 0);
    CHECK_EQ(dure_sim_wait(host), 0);
    CHECK_EQ(dure_sim_start(host, look, NULL, 0), 0);
    CHECK_EQ(dure_sim_wait(host), 0);
}

/* All of it, however often the disk says no. Returns how much there is. */
static size_t read_at(int fd, void *to, size_t len, off_t offset)
{
    size_t done = 0;
    ssize_t n = 1;

    while (done < len && n != 0) {
        n = dure_pread(fd, (char *)to + done, len - done, offset + (off_t)done);
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno != EIO)
            break;
    }
    return done;
}

/* --- records --- */

static unsigned promised; /* records of which a sync said that they are there */

static int record(void *arg)
{
    int fd = dure_open("/log", O_CREAT | O_WRONLY | O_APPEND, 0600);
    int dir = dure_open("/", O_RDONLY | O_DIRECTORY);
    unsigned number;

    (void)arg;
    if (fd < 0 || dir < 0 || dure_fsync(dir) < 0)
        return 0; /* it may crash at any time */
    for (number = 0; number < 200; number++) {
        if (dure_write_all(fd, &number, sizeof number) < 0)
            return 0;
        if (dure_sim_draw(5))
            continue;
        /* After a sync that failed no later one tells anything of what was written before. */
        if (dure_fsync(fd) < 0)
            return 0;
        promised = number + 1;
    }
    dure_close(dir);
    return dure_close(fd);
}

static int read_records(void *arg)
{
    int fd = dure_open("/log", O_RDONLY);
    unsigned number, i;

    (void)arg;
    for (i = 0; i < promised; i++) {
        if (!CHECK_EQ(read_at(fd, &number, sizeof number, (off_t)(i * sizeof number)),
                      sizeof number))
            break;
        CHECK_EQ(number, i);
    }
    if (fd >= 0)
        dure_close(fd);
    dure_unlink("/log");
    return 0;
}

void synced_records_survive(void)
{
    promised = 0;
    crash_between(record, read_records);
}

/* --- names --- */

/* What the names of a directory have stood for, one change after the other. A crash may leave any of
   these moments, but none before the last sync. A letter a name: '.' nothing, 'A' and 'B' files of one
   letter, 'D' a directory with a file of that letter, 'a' and 'b' symbolic links that say so. */
#define NAMES 5
#define MOMENTS_MAX 300

static char moments[MOMENTS_MAX][NAMES + 1];
static unsigned moments_len, moment_synced;
static const mode_t modes[] = { 0600, 0640, 0644, 0755 };
static mode_t mode_synced, mode_before, mode_seen;

static const char *path_of(int name)
{
    static char path[20];

    snprintf(path, sizeof path, "/names/%d", name);
    return path;
}

/* The moment that is to come; the change is made by whoever asked. */
static char *next_moment(void)
{
    memcpy(moments[moments_len], moments[moments_len - 1], NAMES + 1);
    return moments[moments_len++];
}

static bool change_names(void)
{
    char *now = next_moment(), from_path[20];
    int from = (int)dure_sim_draw(NAMES), to = (int)dure_sim_draw(NAMES), result = -1;

    strcpy(from_path, path_of(from));
    if (now[from] == '.' && now[to] == '.' && from != to) {
        now[to] = (char)('a' + dure_sim_draw(2));
        result = dure_symlink((char[]){ now[to], '\0' }, path_of(to));
    } else if (now[from] != '.' && now[to] == '.' && now[from] != 'D' && dure_sim_draw(2)) {
        now[to] = now[from];
        result = dure_link(from_path, path_of(to));
    } else if (now[from] != '.' && (now[to] == '.' || (now[from] != 'D' && now[to] != 'D')) &&
               strpbrk(now, "A") && now[from] != now[to]) {
        now[to] = now[from];
        now[from] = '.';
        result = dure_rename(from_path, path_of(to));
    } else if (now[from] == 'a' || now[from] == 'b') {
        now[from] = '.';
        result = dure_unlink(from_path);
    } else {
        moments_len--;
        return true;
    }
    return result == 0;
}

static bool make_letter(const char *path, char letter)
{
    int fd = dure_open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    bool made;

    if (fd < 0)
        return false;
    while (dure_pwrite(fd, &letter, 1, 0) < 0 && errno == EIO)
        ;
    made = dure_fsync(fd) == 0;
    dure_close(fd);
    return made;
}

static bool begin_names(int *dir)
{
    if (dure_mkdir("/names", 0700) < 0 || !make_letter(path_of(0), 'A') ||
        !make_letter(path_of(1), 'B') || dure_mkdir(path_of(2), 0700) < 0 ||
        !make_letter("/names/2/inside", 'D'))
        return false;
    *dir = dure_open("/names", O_RDONLY | O_DIRECTORY);
    return *dir >= 0 && dure_syncfs(*dir) == 0;
}

/* The attributes of a file are as they were synced, or as they were last seen. */
static bool change_mode(int fd)
{
    mode_before = mode_seen;
    mode_seen = modes[dure_sim_draw(4)];
    if (dure_fchmod(fd, mode_seen) < 0)
        return false;
    mode_before = mode_seen;
    if (dure_sim_draw(2)) /* else the next change may come before it is synced */
        return dure_fsync(fd) == 0 && (mode_synced = mode_seen, true);
    return true;
}

static bool begun;

static int change_all(void *arg)
{
    int dir, fd;

    (void)arg;
    if (!begin_names(&dir))
        return 0;
    fd = dure_open("/names/2/inside", O_RDWR);
    if (fd < 0 || dure_fsync(fd) < 0 || dure_flock(fd, LOCK_EX) < 0)
        return 0;
    mode_seen = mode_before = mode_synced = 0600;
    strcpy(moments[0], "ABD..");
    moments_len = 1;
    begun = true;
    while (moments_len < MOMENTS_MAX - 1 && change_names() && change_mode(fd)) {
        unsigned last = moments_len - 1;

        if (dure_sim_draw(5) == 0 && dure_fsync(dir) == 0)
            moment_synced = last;
    }
    return 0;
}

static char letter_of(int name)
{
    char text[20] = "", path[40];
    struct stat st;
    bool is_dir;
    int fd;

    if (dure_lstat(path_of(name), &st) < 0)
        return '.';
    if (S_ISLNK(st.st_mode))
        return dure_readlink(path_of(name), text, sizeof text) == 1 ? text[0] : '?';
    strcpy(path, path_of(name));
    is_dir = S_ISDIR(st.st_mode);
    if (is_dir)
        strcat(path, "/inside");
    fd = dure_open(path, O_RDONLY);
    if (fd < 0)
        return '?';
    if (read_at(fd, text, 1, 0) != 1)
        text[0] = '!';
    if (is_dir) {
        CHECK(dure_fstat(fd, &st) == 0);
        st.st_mode &= 07777;
        CHECK(st.st_mode == mode_synced || st.st_mode == mode_before || st.st_mode == mode_seen);
        CHECK_EQ(dure_flock(fd, LOCK_EX | LOCK_NB), 0); /* its holder is gone */
    }
    dure_close(fd);
    return text[0];
}

static void clear_names(void)
{
    char path[40];

    for (int name = 0; name < NAMES; name++) {
        snprintf(path, sizeof path, "%s/inside", path_of(name));
        dure_unlink(path);
        dure_remove(path_of(name));
    }
    CHECK(dure_rmdir("/names") == 0 || errno == ENOENT);
}

static int look_at_names(void *arg)
{
    char found[NAMES + 1] = "";
    unsigned i;

    (void)arg;
    for (int name = 0; name < NAMES && begun; name++)
        found[name] = letter_of(name);
    for (i = moment_synced; i < moments_len; i++)
        if (strcmp(moments[i], found) == 0)
            break;
    if (begun && !CHECK(i < moments_len))
        fprintf(stderr, "found %s; synced %s, last %s\n", found, moments[moment_synced],
                moments[moments_len - 1]);
    clear_names();
    return 0;
}

void synced_names_survive(void)
{
    begun = false;
    moments_len = moment_synced = 0;
    crash_between(change_all, look_at_names);
}

/* --- locks --- */

/* Of one file, by as many descriptions: nobody is in while somebody else is, and all get in. */
static unsigned inside, entered;

static int lock_of(int fd, bool of_flock, short type)
{
    struct flock lock = { .l_type = type, .l_start = 10, .l_len = 5 };

    if (of_flock)
        return dure_flock(fd, type == F_UNLCK ? LOCK_UN : LOCK_EX);
    return dure_fcntl(fd, F_OFD_SETLKW, &lock);
}

static int enter(void *arg)
{
    bool of_flock = *(bool *)arg;
    int fd = dure_open("/lock", O_RDWR | O_CREAT, 0600), result = -1;

    for (int i = 0; i < 5; i++) {
        DURE_WITHIN(dure_after(dure_sim_draw(20) * DURE_MILLISECOND + 1))
        result = lock_of(fd, of_flock, F_WRLCK);
        if (result < 0)
            continue;
        CHECK_EQ(inside++, 0);
        entered++;
        dure_sleep_for(dure_sim_draw(5) * DURE_MILLISECOND);
        CHECK_EQ(--inside, 0);
        if (dure_sim_draw(4))
            CHECK_EQ(lock_of(fd, of_flock, F_UNLCK), 0);
        else /* a close lets go as well */
            CHECK_EQ(dure_close(fd), 0), fd = dure_open("/lock", O_RDWR);
    }
    CHECK_EQ(lock_of(fd, of_flock, F_WRLCK), 0);
    entered++;
    return dure_close(fd);
}

void file_locks_exclude(void)
{
    bool of_flock = dure_sim_draw(2);
    dure_scope scope;

    inside = entered = 0;
    dure_scope_open(&scope);
    for (int i = 0; i < 6; i++)
        dure_spawn(&scope, enter, &of_flock, sizeof of_flock);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(entered >= 6);
    CHECK_EQ(dure_unlink("/lock"), 0);
}
