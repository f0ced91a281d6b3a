CREATE ROLE rollcall_cdc LOGIN REPLICATION PASSWORD 'change-me';
GRANT USAGE ON SCHEMA public TO rollcall_cdc;
GRANT SELECT ON public.user_group_membership TO rollcall_cdc;
CREATE PUBLICATION rollcall FOR TABLE public.user_group_membership;
ALTER TABLE public.user_group_membership REPLICA IDENTITY FULL;
