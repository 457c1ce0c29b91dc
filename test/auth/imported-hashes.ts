/** The password of the hashes below. */
export const importedPassword = 'correct horse battery staple';

/** The setting SECURITY_PASSWORD_SALT of the hashes of Flask-Security. */
export const flaskSalt = '146585145368132386173505678016728509634';

/**
 * Hashes of one password. Made by passlib 1.7.4, Werkzeug 3.1.9, Django 5.2.17, bcrypt 5.0.0 and argon2-cffi 25.1.0; those of Flask-Security with
 * these libraries and its function `get_hmac`; those of versions that no longer make them by their documented
 * formula, as are those of Keycloak, whose export has the parts separately.
 */
export const importedHashes = {
  'passlib argon2': '$argon2id$v=19$m=65536,t=3,p=4$CQEAAOAcw1hrzfn/P6eU0g$wsjfjHh7gun3cK4JArP0sCM2JhUxcpuJf8TXPtLtGNo',
  'passlib pbkdf2_sha256': '$pbkdf2-sha256$29000$dk6pNSbEuLeWkrJWCqGUsg$PG6gw3V81EqN66Bl5ffr.uOhut39ErRxcNYtlviMN2I',
  'passlib pbkdf2_sha512':
    '$pbkdf2-sha512$210000$5pxTCsG41xoD4JzzvrdWqg$QrEyVg0XdwMB3eKdEHWjVV5aLLRau8.GV9GkWGnC9XyHk1kAIKPDU.pe0T2cT6k0cKDuBDrYxrcSB5BL1B1sXA',
  'passlib pbkdf2_sha1': '$pbkdf2$131000$DAFgbO1dy1lrLYVwLqV0zg$8PWaIWOhMnS7uRFR3q3PZr7vhIQ',
  'passlib scrypt': '$scrypt$ln=16,r=8,p=1$UgqBUMq5V6rV+l+rVUoJIQ$yTXFdid7zHK82ne1zCQWrfMW0joHmHgSGn8lryC22G8',
  'passlib ldap_salted_sha1': '{SSHA}4j5UmlzeJrwzIafUMmBLX2nZAgsNAYBQ',
  'passlib ldap_md5': '{MD5}nMKuihunqT2jm0b8EBnEgQ==',
  'bcrypt 2a': '$2a$10$nGDFBa5bXdIm4tjx936fu.RK.kBngvQNfQK5x5fJlNgf0Tc6KCHGm',
  'bcrypt 2b': '$2b$10$iLcjxXNiVAZRALDKN45TWO1LMpBmOCZraa0TFYowaNUDNBQEiODbC',
  'bcrypt 2y': '$2y$10$/dXNnIJNCxUG7iEFFK5.buIBFOKw0lSsuKcC6bOklPeTdaiG/qHLy',
  'bcrypt cost 4': '$2b$04$c.hIBNiA7piyTMUCmpKrBuV8lndJCae.rjfyt9gjSrPcBhEmYAQl.',
  'Werkzeug scrypt':
    'scrypt:32768:8:1$8py4s0xyUmDLgKmD$db157b4b11b889f174ed3f326a24c2ee50b606cb67982d487c5538813b80d13ac4ef9e300c92801004c41137d886b843ce996dfd5ef85059a350e9dcbe02a1ed',
  'Werkzeug pbkdf2': 'pbkdf2:sha256:260000$wccyWdM8UIbYJvHu$db6e8b8c417f1278bd2d5c0f6f1c89a00b477924f5b4b5e54cac982b5c8ea9e2',
  'Werkzeug sha256 (before 2.3)': 'sha256$r1Hw9yTQ$b2c9af67563e99c794eedcbe7e15cd23cd84884d827b3468fe7727ae05fc17d5',
  'Django pbkdf2_sha256': 'pbkdf2_sha256$1000000$ADEKUTVjmJ5ZJ6AwaoNIXV$T2GGiqp0scFvWVp46LKr1748DaLwhxH9Y0PhBGPuyvU=',
  'Django pbkdf2_sha1': 'pbkdf2_sha1$1000000$OkCSZNCUsQNquHodDvZDYf$SgwhZzXzLMvL1hErRamx8WB1NkA=',
  'Django argon2': 'argon2$argon2id$v=19$m=102400,t=2,p=8$aHBIUWdmdDBkdXhyY3E5bEpMMm1Lag$S1SVJE05bp66y+32dZ8Z+AGiCXB49KWet4ntFDp3GU0',
  'Django bcrypt_sha256': 'bcrypt_sha256$$2b$12$jzPqqSww0Tt8AjYuDNLbMudY0kQyNKz0qeb94wBtg2m0OTpHIpDKC',
  'Django bcrypt': 'bcrypt$$2b$12$oh.vJbnWpbQfe6IyzLAKCuyPTRLJ90DYYurVjnor/PJyxSy15f6Ky',
  'Django scrypt':
    'scrypt$16384$yQdvrMfoOPNDwNIP0m7Vgs$8$5$xqKmmtg1b1cn+StdjF/M8BzDhZyEvSfI744rtO7yoUgY3BaAtsIE7qI6AORXBNUXX3hnJOP/JzpAOi7F72kSfA==',
  'Django md5': 'md5$X5hqc6fseG3xhqo0jvAklH$036a5a1da24c87f434eb55bec3f4b38c',
  'Django sha1 (before 5.1)': 'sha1$nS8wLk3v$960831a16e1600a7fe33b5d98f4fc793d67aed1e',
  'Django unsalted md5': 'md5$$9cc2ae8a1ba7a93da39b46fc1019c481',
  'Flask-Security argon2':
    '$flask-security$argon2id$v=19$m=65536,t=3,p=4$Y8y5d47RmhOidG5NaW2NkQ$G/Hoa7yk9GbQu2hhAEAcWBbyuFkpqhX9I+9B64hxucY',
  'Flask-Security bcrypt': '$flask-security$2b$12$ucpdGJYOs4dDbzmn9K95k.L73l67FXI5b/57wH8laJxwE4bV7SyyK',
  'Flask-Security pbkdf2_sha512':
    '$flask-security$pbkdf2-sha512$25000$v5eyFiLEeG8NAYCwVup9jw$Neopq9puU33nl7/fgaJC4MCsbkVY6D0TM7LYJIFK.xK.AKK05/09xOfXHk76tnm/9R1P9NPG8O1S5/XKLsBh7A',
  'Keycloak pbkdf2-sha512':
    '$pbkdf2-sha512$i=210000$Zm9vYmFyc2FsdDEyMzQ1Ng==$54GugS7CSCAy2Fp9srSHBW/4VwGd6oFWSlIdye+029PQsFJiGAejhx3K161cz0KAj/GRR+Fh85tXMvFdk1jgJg==',
  'Keycloak pbkdf2-sha256 with 64 bytes':
    '$pbkdf2-sha256$i=27500$Zm9vYmFyc2FsdDEyMzQ1Ng==$Td5rn0pFbnHqkFRfqcI0dJwIl3CdqtFV81YJM908ZUFL2g7iENI+t5tcYSC6fukIo7vPmh/jKHm7aG8NOS2A8g==',
  'Werkzeug sha1 (before 2.3)': 'hmac-sha1$r1Hw9yTQ$10ce4cd1586dbd67d1532d42d16d3c60e2fac239',
  'better-auth (@better-auth/utils 0.5.1)':
    '74a6bde473b8d5a7c0e1aaab66445bb4:51e5c58f1d393d3a59d0bf2bdb84ce1d5b628db3086b1b44712eac501c157fd4b4518b339d293bfc70b97f4bdfa333219f73a12ac921547e6ac428019fb42987',
} as const;

/** The published example of github.com/firebase/scrypt, for the password `user1password`. */
export const firebaseHash =
  '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==';

/** better-auth normalizes passwords to NFKC: of `Ångström ﬁeld gate`, with a ligature. */
export const compatibilityHash =
  'acaa7337dcfd39cf410064bd874c1d36:b87f5989e9f8e8e23048be250d06db45bf3d307ad8f41dd1a703d0d58e523655caca93e006fd9e5e6353a9d4d6a97f9146cf3678e29c482cc9c4139dd49151ae';
